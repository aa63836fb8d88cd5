"""The pages: a form, a call, a template. No arithmetic, no model, no transaction lives here.

Rooms hold the views; `page` renders, `access` says who may, `words` writes figures, `refusals` says no in a page.
"""
