"""The saver: a second process that redacts recordings and saves them."""
