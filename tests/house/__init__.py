"""The house's own rules, as tests: what linters and import contracts can't see, and that the docs are true."""
