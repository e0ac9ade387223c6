package io.satchel.image.cli;

/** How a command answers. */
enum OutputFormat {
  /** For a person. */
  human,
  /** For a program. */
  json
}
