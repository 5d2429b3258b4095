"""The stage on loopback for `giftping demo` and the tests: sample sources and a stand-in Discord."""
