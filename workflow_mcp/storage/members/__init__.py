"""Who may work in a project, and what each of them may do there."""
