"""With the wrong credentials in hand: what the trust book's own database refuses, attempt by attempt."""
