"""What the user states: networks, recurrences, exact parameters, precision models. No interpretation happens here."""
