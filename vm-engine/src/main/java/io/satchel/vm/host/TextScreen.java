package io.satchel.vm.host;

import java.util.List;

/**
 * The characters of a text mode, a string a row, code page 437 as Unicode, trailing blanks kept.
 */
public record TextScreen(List<String> rows, int cursorColumn, int cursorRow) {

  public TextScreen {
    rows = List.copyOf(rows);
  }

  /** All rows, each without its trailing blanks and ended by a line feed. */
  public String asText() {
    StringBuilder text = new StringBuilder();
    for (String row : rows) {
      text.append(row.stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
