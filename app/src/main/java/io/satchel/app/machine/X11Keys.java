package io.satchel.app.machine;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.platform.unix.X11;
import com.sun.jna.ptr.IntByReference;
import io.satchel.vm.host.Key;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * The X server's raw key events (XInput 2.0 protocol, section 6.2): each key that went down or up,
 * in order, by key code. With the evdev driver, which every current server uses, a key code is the
 * kernel's key number plus 8 (linux/input-event-codes.h).
 *
 * <p>They come over a connection of our own, so that neither the toolkit's translation nor an input
 * method can lose or reorder them.
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

  // XI2.h.
  private static final int ALL_MASTER_DEVICES = 1;
  private static final int RAW_KEY_PRESS = 13;
  private static final int RAW_KEY_RELEASE = 14;

  /** A generic event (X.h). */
  private static final int GENERIC_EVENT = 35;

  /** What the extension's library adds to Xlib. */
  private interface XInput2 extends Library {
    int XIQueryVersion(X11.Display display, IntByReference major, IntByReference minor);

    int XISelectEvents(X11.Display display, X11.Window window, EventMask masks, int count);
  }

  /** What JNA's Xlib has not. */
  private interface Cookies extends Library {
    boolean XGetEventData(X11.Display display, X11.XEvent cookie);

    void XFreeEventData(X11.Display display, X11.XEvent cookie);
  }

  /** XIEventMask. */
  @Structure.FieldOrder({"deviceid", "length", "mask"})
  public static final class EventMask extends Structure {
    public int deviceid;
    public int length;
    public Pointer mask;

    EventMask(int deviceid, Memory mask) {
      this.deviceid = deviceid;
      length = (int) mask.size();
      this.mask = mask;
    }
  }

  /** The beginning of XIRawEvent. */
  @Structure.FieldOrder({
    "type",
    "serial",
    "sendEvent",
    "display",
    "extension",
    "evtype",
    "time",
    "deviceid",
    "sourceid",
    "detail"
  })
  public static final class RawEvent extends Structure {
    public int type;
    public NativeLong serial = new NativeLong();
    public int sendEvent;
    public Pointer display = Pointer.NULL;
    public int extension;
    public int evtype;
    public NativeLong time = new NativeLong();
    public int deviceid;
    public int sourceid;
    public int detail;

    RawEvent(Pointer at) {
      super(at);
      read();
    }
  }

  private final X11.Display display;
  private final Cookies cookies;
  private final X11.XEvent event = new X11.XEvent();
  private final Key[] byCode = new Key[256 - EVDEV_OFFSET];
  private boolean closed;

  private X11Keys(X11.Display display, Cookies cookies) {
    this.display = display;
    this.cookies = cookies;
    for (Key key : Key.values()) {
      if (key.set1() <= MAIN_BLOCK) {
        byCode[key.set1()] = key;
      }
    }
    EXTENDED.forEach((number, key) -> byCode[number] = key);
  }

  /** Connects to the display; empty when there is none, or it or the host lacks XInput 2. */
  static Optional<X11Keys> open() {
    try {
      XInput2 input = Native.load("libXi.so.6", XInput2.class);
      Cookies cookies = Native.load("libX11.so.6", Cookies.class);
      X11.Display display = X11.INSTANCE.XOpenDisplay(null);
      if (display == null) {
        return Optional.empty();
      }
      if (input.XIQueryVersion(display, new IntByReference(2), new IntByReference(0)) != 0) {
        X11.INSTANCE.XCloseDisplay(display);
        return Optional.empty();
      }
      try (Memory bits = new Memory(4)) {
        bits.setInt(0, 1 << RAW_KEY_PRESS | 1 << RAW_KEY_RELEASE);
        input.XISelectEvents(
            display,
            X11.INSTANCE.XDefaultRootWindow(display),
            new EventMask(ALL_MASTER_DEVICES, bits),
            1);
      }
      X11.INSTANCE.XFlush(display);
      return Optional.of(new X11Keys(display, cookies));
    } catch (UnsatisfiedLinkError _) {
      return Optional.empty();
    }
  }

  /** Gives every key that went down (true) or up since the last call; never waits. */
  void drain(BiConsumer<Key, Boolean> target) {
    // A screen that leaves the window loses the focus after it was closed, and Xlib would crash.
    while (!closed && X11.INSTANCE.XPending(display) > 0) {
      X11.INSTANCE.XNextEvent(display, event);
      event.read();
      if (event.type != GENERIC_EVENT || !cookies.XGetEventData(display, event)) {
        continue;
      }
      event.setType(X11.XGenericEventCookie.class);
      event.read();
      RawEvent raw = new RawEvent(event.xcookie.data);
      int number = raw.detail - EVDEV_OFFSET;
      if (number >= 0 && number < byCode.length && byCode[number] != null) {
        target.accept(byCode[number], raw.evtype == RAW_KEY_PRESS);
      }
      cookies.XFreeEventData(display, event);
    }
  }

  void close() {
    if (!closed) {
      closed = true;
      X11.INSTANCE.XCloseDisplay(display);
    }
  }
}
