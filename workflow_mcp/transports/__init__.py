"""How clients reach the server."""
