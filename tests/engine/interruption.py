"""What another process does in the middle of a call."""


def once(action, function):
    """Return a function after whose first call something else is done: what another process does at this instant."""
    calls = []

    def called(*args, **kwargs):
        calls.append(args)
        result = function(*args, **kwargs)
        if len(calls) == 1:
            action(*args)
        return result

    return called
