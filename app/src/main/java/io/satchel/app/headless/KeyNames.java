package io.satchel.app.headless;

import io.satchel.vm.host.Key;
import java.util.Locale;
import java.util.Map;

/** The names by which a person calls keys on the command line. */
final class KeyNames {

  private static final Map<String, Key> SHORT =
      Map.ofEntries(
          Map.entry("ctrl", Key.CONTROL_LEFT),
          Map.entry("alt", Key.ALT_LEFT),
          Map.entry("shift", Key.SHIFT_LEFT),
          Map.entry("win", Key.META_LEFT),
          Map.entry("esc", Key.ESCAPE),
          Map.entry("del", Key.DELETE),
          Map.entry("ins", Key.INSERT),
          Map.entry("pgup", Key.PAGE_UP),
          Map.entry("pgdn", Key.PAGE_DOWN),
          Map.entry("up", Key.ARROW_UP),
          Map.entry("down", Key.ARROW_DOWN),
          Map.entry("left", Key.ARROW_LEFT),
          Map.entry("right", Key.ARROW_RIGHT),
          Map.entry("return", Key.ENTER));

  private KeyNames() {}

  /**
   * @throws IllegalArgumentException with a sentence for the person who typed the name
   */
  static Key parse(String name) {
    Key known = SHORT.get(name);
    if (known != null) {
      return known;
    }
    String constant = name.toUpperCase(Locale.ROOT).replace('-', '_');
    for (String candidate : new String[] {constant, "KEY_" + constant, "DIGIT_" + constant}) {
      for (Key key : Key.values()) {
        if (key.name().equals(candidate)) {
          return key;
        }
      }
    }
    throw new IllegalArgumentException(
        "There is no key called \""
            + name
            + "\"; use names such as a, f12, enter, esc, ctrl, up, pgdn.");
  }
}
