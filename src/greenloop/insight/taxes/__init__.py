"""A quarter of benefits for the tax authority: what it comes to, and its files. Who somebody is isn't in it."""
