"""The HTTP API, version 1: what tills, malls and mini-programs call. A route translates, calls a verb, translates back.

The routes that tills call most are plain functions over msgspec (`busy`), served ahead of Django; the same functions
answer through Django too, so there is one way a sale is taken. No arithmetic and no models live here.
"""
