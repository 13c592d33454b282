"""Every write and every rule of the process: verb functions with an explicit actor.

Functions flush and never commit; the request commits once. May ever (role, object) and may now
(state, date) are asked separately, and both answers are domain errors with a sentence for people.
"""
