"""Print the table of docs/trust-book.md."""

import os

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")
    django.setup()

    from tests.separation.trying import every, somewhere, table

    with somewhere() as made:
        print(table(every(made)))
