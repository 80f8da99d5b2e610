"""What operators and charts see: the platform's own figures, the collectors to scrape, a server's history."""
