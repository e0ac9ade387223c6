package io.satchel.app.machine;

import io.satchel.vm.host.Key;
import java.util.EnumMap;
import java.util.Map;
import javafx.scene.input.KeyCode;
import org.jspecify.annotations.Nullable;

/**
 * Physical keys from JavaFX key codes, for hosts that cannot be asked: exact for a US layout; left
 * and right modifiers are one.
 */
final class KeyCodes {

  private static final Map<KeyCode, Key> KEYS = keys();

  private KeyCodes() {}

  static @Nullable Key of(KeyCode code) {
    return KEYS.get(code);
  }

  private static Map<KeyCode, Key> keys() {
    Map<KeyCode, Key> keys = new EnumMap<>(KeyCode.class);
    for (char letter = 'A'; letter <= 'Z'; letter++) {
      keys.put(KeyCode.valueOf(String.valueOf(letter)), Key.valueOf("KEY_" + letter));
    }
    for (int digit = 0; digit <= 9; digit++) {
      keys.put(KeyCode.valueOf("DIGIT" + digit), Key.valueOf("DIGIT_" + digit));
      keys.put(KeyCode.valueOf("NUMPAD" + digit), Key.valueOf("NUMPAD_" + digit));
    }
    for (int number = 1; number <= 12; number++) {
      keys.put(KeyCode.valueOf("F" + number), Key.valueOf("F" + number));
    }
    keys.put(KeyCode.ESCAPE, Key.ESCAPE);
    keys.put(KeyCode.MINUS, Key.MINUS);
    keys.put(KeyCode.EQUALS, Key.EQUAL);
    keys.put(KeyCode.BACK_SPACE, Key.BACKSPACE);
    keys.put(KeyCode.TAB, Key.TAB);
    keys.put(KeyCode.OPEN_BRACKET, Key.BRACKET_LEFT);
    keys.put(KeyCode.CLOSE_BRACKET, Key.BRACKET_RIGHT);
    keys.put(KeyCode.ENTER, Key.ENTER);
    keys.put(KeyCode.CONTROL, Key.CONTROL_LEFT);
    keys.put(KeyCode.SEMICOLON, Key.SEMICOLON);
    keys.put(KeyCode.QUOTE, Key.QUOTE);
    keys.put(KeyCode.BACK_QUOTE, Key.BACKQUOTE);
    keys.put(KeyCode.SHIFT, Key.SHIFT_LEFT);
    keys.put(KeyCode.BACK_SLASH, Key.BACKSLASH);
    keys.put(KeyCode.COMMA, Key.COMMA);
    keys.put(KeyCode.PERIOD, Key.PERIOD);
    keys.put(KeyCode.SLASH, Key.SLASH);
    keys.put(KeyCode.MULTIPLY, Key.NUMPAD_MULTIPLY);
    keys.put(KeyCode.ALT, Key.ALT_LEFT);
    keys.put(KeyCode.ALT_GRAPH, Key.ALT_RIGHT);
    keys.put(KeyCode.SPACE, Key.SPACE);
    keys.put(KeyCode.CAPS, Key.CAPS_LOCK);
    keys.put(KeyCode.NUM_LOCK, Key.NUM_LOCK);
    keys.put(KeyCode.SCROLL_LOCK, Key.SCROLL_LOCK);
    keys.put(KeyCode.SUBTRACT, Key.NUMPAD_SUBTRACT);
    keys.put(KeyCode.ADD, Key.NUMPAD_ADD);
    keys.put(KeyCode.DECIMAL, Key.NUMPAD_DECIMAL);
    keys.put(KeyCode.DIVIDE, Key.NUMPAD_DIVIDE);
    keys.put(KeyCode.LESS, Key.INTL_BACKSLASH);
    keys.put(KeyCode.PRINTSCREEN, Key.PRINT_SCREEN);
    keys.put(KeyCode.PAUSE, Key.PAUSE);
    keys.put(KeyCode.HOME, Key.HOME);
    keys.put(KeyCode.UP, Key.ARROW_UP);
    keys.put(KeyCode.KP_UP, Key.ARROW_UP);
    keys.put(KeyCode.PAGE_UP, Key.PAGE_UP);
    keys.put(KeyCode.LEFT, Key.ARROW_LEFT);
    keys.put(KeyCode.KP_LEFT, Key.ARROW_LEFT);
    keys.put(KeyCode.RIGHT, Key.ARROW_RIGHT);
    keys.put(KeyCode.KP_RIGHT, Key.ARROW_RIGHT);
    keys.put(KeyCode.END, Key.END);
    keys.put(KeyCode.DOWN, Key.ARROW_DOWN);
    keys.put(KeyCode.KP_DOWN, Key.ARROW_DOWN);
    keys.put(KeyCode.PAGE_DOWN, Key.PAGE_DOWN);
    keys.put(KeyCode.INSERT, Key.INSERT);
    keys.put(KeyCode.DELETE, Key.DELETE);
    keys.put(KeyCode.WINDOWS, Key.META_LEFT);
    keys.put(KeyCode.META, Key.META_LEFT);
    keys.put(KeyCode.CONTEXT_MENU, Key.CONTEXT_MENU);
    return keys;
  }
}
