"""From the form in which a benchmark is distributed to the form that is read; one file per benchmark."""
