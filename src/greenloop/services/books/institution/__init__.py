"""The payment institution: what it is told, how that is sent, and what it says. Trade money never comes our way."""
