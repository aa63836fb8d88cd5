"""What is decided about people: how a phone number and a name at work are written."""
