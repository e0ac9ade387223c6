package io.satchel.app.machine;

import com.sun.jna.platform.unix.X11;
import io.satchel.vm.host.Key;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The X server's key map: one bit a key code. With the evdev driver, which every current server
 * uses, a key code is the kernel's key number plus 8 (linux/input-event-codes.h).
 */
final class X11Keys {

  private static final int EVDEV_OFFSET = 8;

  /** Kernel key numbers above the main block, where they are not the set 1 code itself. */
  private static final Map<Integer, Key> EXTENDED =
      Map.ofEntries(
          Map.entry(86, Key.INTL_BACKSLASH),
          Map.entry(87, Key.F11),
          Map.entry(88, Key.F12),
          Map.entry(89, Key.INTL_RO),
          Map.entry(92, Key.CONVERT),
          Map.entry(93, Key.KANA_MODE),
          Map.entry(94, Key.NON_CONVERT),
          Map.entry(96, Key.NUMPAD_ENTER),
          Map.entry(97, Key.CONTROL_RIGHT),
          Map.entry(98, Key.NUMPAD_DIVIDE),
          Map.entry(99, Key.PRINT_SCREEN),
          Map.entry(100, Key.ALT_RIGHT),
          Map.entry(102, Key.HOME),
          Map.entry(103, Key.ARROW_UP),
          Map.entry(104, Key.PAGE_UP),
          Map.entry(105, Key.ARROW_LEFT),
          Map.entry(106, Key.ARROW_RIGHT),
          Map.entry(107, Key.END),
          Map.entry(108, Key.ARROW_DOWN),
          Map.entry(109, Key.PAGE_DOWN),
          Map.entry(110, Key.INSERT),
          Map.entry(111, Key.DELETE),
          Map.entry(119, Key.PAUSE),
          Map.entry(122, Key.LANG_1),
          Map.entry(123, Key.LANG_2),
          Map.entry(124, Key.INTL_YEN),
          Map.entry(125, Key.META_LEFT),
          Map.entry(126, Key.META_RIGHT),
          Map.entry(127, Key.CONTEXT_MENU));

  /** The last kernel key number that equals the key's set 1 code. */
  private static final int MAIN_BLOCK = 0x53;

  private final X11.Display display;
  private final Key[] byCode = new Key[256 - EVDEV_OFFSET];
  private final byte[] bits = new byte[32];

  private X11Keys(X11.Display display) {
    this.display = display;
    for (Key key : Key.values()) {
      if (key.set1() <= MAIN_BLOCK) {
        byCode[key.set1()] = key;
      }
    }
    EXTENDED.forEach((number, key) -> byCode[number] = key);
  }

  /** Connects to the display; empty when there is none or Xlib is missing. */
  static Optional<X11Keys> open() {
    try {
      X11.Display display = X11.INSTANCE.XOpenDisplay(null);
      return display == null ? Optional.empty() : Optional.of(new X11Keys(display));
    } catch (UnsatisfiedLinkError _) {
      return Optional.empty();
    }
  }

  /** The keys that are held now; well under a millisecond. */
  Set<Key> down() {
    X11.INSTANCE.XQueryKeymap(display, bits);
    Set<Key> keys = EnumSet.noneOf(Key.class);
    for (int number = 0; number < byCode.length; number++) {
      int code = number + EVDEV_OFFSET;
      if ((bits[code >>> 3] & 1 << (code & 7)) != 0 && byCode[number] != null) {
        keys.add(byCode[number]);
      }
    }
    return keys;
  }

  void close() {
    X11.INSTANCE.XCloseDisplay(display);
  }
}
