"""Rules about insulin and glucose, each by itself.

The rule of this folder: pure functions and frozen values. Nothing here knows a mode, an order or an alarm; the pump
asks, and decides what to do with the answer.
"""
