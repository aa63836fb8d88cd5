"""What tests share: a database each, and the books proved after it."""

from tests.support.books import assert_books_hold

__all__ = ["assert_books_hold"]
