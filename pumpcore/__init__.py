"""pumpcore: the exact, specified core of an insulin pump, as a library.

Not a medical device. It must never be connected to a person.
"""
