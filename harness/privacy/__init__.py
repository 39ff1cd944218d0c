"""Secrets and personal text of recordings: both are found, and both are replaced.

*Redaction* takes credentials out of every recording before it is saved: from heads
(``secrets_head``) and from bodies (``secrets_body``), by the names that announce a
secret and by its shape. The *scan* looks whether a cassette still holds one, with
detect-secrets beside our own rules. *Scrubbing*, on demand, replaces what was said
and who said it by invented text of the same form, so that a recording from production
can be shared.
"""
