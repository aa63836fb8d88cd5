"""The pages in a real browser, served by the product's own server over the demo's database."""
