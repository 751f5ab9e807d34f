"""`edged bench`: the real daemon on a real film, a subscriber beside it, and what both tell.

Whatever decodes or encodes runs in a child; here only numbers are handled.
"""
