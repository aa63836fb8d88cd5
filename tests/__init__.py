"""The proof. Folders mirror the floors; `support` holds what tests share, `oracle` computes everything a second way."""
