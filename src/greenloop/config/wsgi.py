"""The pages as one WSGI application, for granian and for whatever else speaks WSGI."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "greenloop.config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
