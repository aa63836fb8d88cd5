"""The API's room of money in and out, statements, journals, proofs and exports."""
