"""What addresses may hold: tills number orders as they like, slashes and line breaks included."""

from django.urls import register_converter


class AnyText:
    """Matches what Django's own `path` does, and line breaks: a page must not break over an odd order number."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        """Return the text as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Return the text as it is; it is quoted later."""
        return value


register_converter(AnyText, "text")
