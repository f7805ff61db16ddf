"""Charts for the page: SVG with letters that are text, colours that follow the page's, and points that can be asked."""
