"""Finds and replaces secrets and personal text in recordings.

*Redaction* takes credentials out of every recording before it is saved: from heads
(``secrets_head``) and from bodies (``secrets_body``), by the names that announce a
secret and by its shape. The *scan* checks whether a cassette still holds one, with our
own rules and with detect-secrets. *Scrubbing*, on demand, replaces what was said and
who said it by invented text of the same form; so a recording from production can be
shared.
"""
