"""Windows of a recording predicted from its decoded past, in exact integers."""
