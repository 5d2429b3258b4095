"""`python -m giftping`."""

from giftping.cli import main

main()
