"""The board, asked as its page and as hostile pages ask it."""
