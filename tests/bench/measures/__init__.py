"""What is measured: a module a subject, each with `measure(arena, results, options)`."""
