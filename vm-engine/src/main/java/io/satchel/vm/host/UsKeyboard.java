package io.satchel.vm.host;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Turns text into the keys that a person would press on a US keyboard. */
public final class UsKeyboard {

  /**
   * A key and what happens to it.
   *
   * @param down whether it is pressed or let go
   */
  public record Stroke(Key key, boolean down) {}

  private record Chord(Key key, boolean shift) {}

  private static final Map<Character, Chord> CHORDS = chords();

  private UsKeyboard() {}

  private static Map<Character, Chord> chords() {
    Map<Character, Chord> chords = new HashMap<>();
    for (char letter = 'a'; letter <= 'z'; letter++) {
      Key key = Key.valueOf("KEY_" + Character.toUpperCase(letter));
      chords.put(letter, new Chord(key, false));
      chords.put(Character.toUpperCase(letter), new Chord(key, true));
    }
    String shiftedDigits = ")!@#$%^&*(";
    for (int digit = 0; digit <= 9; digit++) {
      Key key = Key.valueOf("DIGIT_" + digit);
      chords.put((char) ('0' + digit), new Chord(key, false));
      chords.put(shiftedDigits.charAt(digit), new Chord(key, true));
    }
    pair(chords, Key.MINUS, "-_");
    pair(chords, Key.EQUAL, "=+");
    pair(chords, Key.BRACKET_LEFT, "[{");
    pair(chords, Key.BRACKET_RIGHT, "]}");
    pair(chords, Key.SEMICOLON, ";:");
    pair(chords, Key.QUOTE, "'\"");
    pair(chords, Key.BACKQUOTE, "`~");
    pair(chords, Key.BACKSLASH, "\\|");
    pair(chords, Key.COMMA, ",<");
    pair(chords, Key.PERIOD, ".>");
    pair(chords, Key.SLASH, "/?");
    chords.put(' ', new Chord(Key.SPACE, false));
    chords.put('\n', new Chord(Key.ENTER, false));
    chords.put('\t', new Chord(Key.TAB, false));
    chords.put('\b', new Chord(Key.BACKSPACE, false));
    chords.put('\u001b', new Chord(Key.ESCAPE, false));
    return Map.copyOf(chords);
  }

  private static void pair(Map<Character, Chord> chords, Key key, String plainAndShifted) {
    chords.put(plainAndShifted.charAt(0), new Chord(key, false));
    chords.put(plainAndShifted.charAt(1), new Chord(key, true));
  }

  /** Whether {@link #strokes} knows every character of {@code text}. */
  public static boolean canType(String text) {
    return text.chars().allMatch(c -> CHORDS.containsKey((char) c));
  }

  /** The strokes for {@code text}; characters that the layout does not have are left out. */
  public static List<Stroke> strokes(String text) {
    List<Stroke> strokes = new ArrayList<>();
    for (char c : text.toCharArray()) {
      Chord chord = CHORDS.get(c);
      if (chord == null) {
        continue;
      }
      if (chord.shift) {
        strokes.add(new Stroke(Key.SHIFT_LEFT, true));
      }
      strokes.add(new Stroke(chord.key, true));
      strokes.add(new Stroke(chord.key, false));
      if (chord.shift) {
        strokes.add(new Stroke(Key.SHIFT_LEFT, false));
      }
    }
    return strokes;
  }

  /** The strokes for several keys held together and let go in reverse, such as Ctrl+Alt+Del. */
  public static List<Stroke> chord(List<Key> keys) {
    List<Stroke> strokes = new ArrayList<>();
    keys.forEach(key -> strokes.add(new Stroke(key, true)));
    keys.reversed().forEach(key -> strokes.add(new Stroke(key, false)));
    return strokes;
  }
}
