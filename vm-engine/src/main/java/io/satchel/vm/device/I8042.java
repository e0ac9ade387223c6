package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.host.Key;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The keyboard controller with a keyboard and a wheel mouse: IBM PS/2 Hardware Interface Technical
 * Reference, "Keyboard and Auxiliary Device Controller", "Keyboard" and "Mouse"; Microsoft's
 * IntelliMouse protocol for the wheel and the fourth and fifth button.
 *
 * <pre>
 *  60h  read: output buffer; write: byte for the keyboard, or a command's parameter
 *  64h  write: command; read: status
 *       bit 0 OBF output buffer full, 1 IBF, 2 SYS self test done, 3 A2 last write was a command,
 *       4 INH keyboard not locked, 5 AUX the byte is the mouse's, 6 time-out, 7 parity
 *
 *  Command byte: bit 0 IRQ 1 enable, 1 IRQ 12 enable, 2 SYS, 4 keyboard off, 5 mouse off,
 *                6 translate scan code set 2 to 1
 *  Output port:  bit 0 reset (low pulses RESET), 1 A20, 4 OBF of keyboard, 5 OBF of mouse,
 *                6 keyboard clock, 7 keyboard data
 * </pre>
 *
 * <p>A byte takes {@value #WIRE_NANOS} ns from a device to the output buffer, about what the wire
 * takes; until then port 60h repeats the byte before, on which chained interrupt handlers rely.
 */
public final class I8042 implements Device<I8042.State> {

  private static final int STATUS_OBF = 1;
  private static final int STATUS_SYS = 1 << 2;
  private static final int STATUS_COMMAND = 1 << 3;
  private static final int STATUS_NOT_LOCKED = 1 << 4;
  private static final int STATUS_AUX = 1 << 5;

  private static final int MODE_IRQ1 = 1;
  private static final int MODE_IRQ12 = 1 << 1;
  private static final int MODE_SYS = 1 << 2;
  private static final int MODE_KEYBOARD_OFF = 1 << 4;
  private static final int MODE_MOUSE_OFF = 1 << 5;
  private static final int MODE_TRANSLATE = 1 << 6;

  private static final int OUT_NOT_RESET = 1;
  private static final int OUT_A20 = 1 << 1;
  private static final int OUT_KEYBOARD_OBF = 1 << 4;
  private static final int OUT_MOUSE_OBF = 1 << 5;
  private static final int OUT_AT_RESET = 0xCF;

  /** Input port: keyboard not locked, colour display jumper off, no manufacturing jumper. */
  private static final int INPUT_PORT = 0xB0;

  private static final int SELF_TEST_PASSED = 0x55;
  private static final int ACK = 0xFA;
  private static final int RESEND = 0xFE;
  private static final int BAT_PASSED = 0xAA;
  private static final int ECHO = 0xEE;
  private static final int BREAK = 0xF0;

  private static final long WIRE_NANOS = 600_000;
  private static final long NEVER = Long.MAX_VALUE;

  /** From translated scan code set 2 to set 1, codes 00h to 7Fh; above, only 83h and 84h change. */
  private static final byte[] TRANSLATION =
      bytes(
          "ff43 413f 3d3b 3c58 6444 4240 3e0f 2959",
          "6538 2a70 1d10 025a 6671 2c1f 1e11 035b",
          "672e 2d20 1205 045c 6839 2f21 1413 065d",
          "6931 3023 2215 075e 6a72 3224 1608 095f",
          "6b33 2517 180b 0a60 6c34 3526 2719 0c61",
          "6d73 2874 1a0d 626e 3a36 1c1b 752b 6376",
          "5556 7778 797a 0e7b 7c4f 7d4b 477e 7f6f",
          "5253 504c 4d48 0145 574e 514a 3749 4654");

  private static byte[] bytes(String... rows) {
    return HexFormat.of().parseHex(String.join("", rows).replace(" ", ""));
  }

  /** Whose byte is in the output buffer or on its way. */
  public enum Source {
    CONTROLLER,
    KEYBOARD,
    MOUSE
  }

  /**
   * The keyboard.
   *
   * @param codes scan codes that wait, oldest first; at most 16
   * @param replies answers to commands, which go first
   * @param command the command whose parameter comes next, or 0
   * @param typematicKey ordinal of the repeating key, or -1
   * @param typematicDue when it repeats, in nanoseconds
   */
  public record KeyboardState(
      byte[] codes,
      byte[] replies,
      int command,
      int scanSet,
      boolean scanning,
      int leds,
      int typematic,
      int lastSent,
      int[] down,
      int typematicKey,
      long typematicDue) {}

  /**
   * The mouse.
   *
   * @param packet bytes of a movement packet that wait
   * @param id 0 plain, 3 with a wheel, 4 with a wheel and five buttons
   * @param rates the last three sample rates that were set, the last in bits 7-0
   * @param dx counts not yet reported; likewise {@code dy} (upwards) and {@code wheel}
   * @param sampleDue when the next packet may be sent, in nanoseconds
   */
  public record MouseState(
      byte[] packet,
      byte[] replies,
      int command,
      int id,
      int rates,
      int sampleRate,
      int resolution,
      boolean scaling,
      boolean remote,
      boolean wrap,
      boolean reporting,
      int dx,
      int dy,
      int wheel,
      int buttons,
      int reportedButtons,
      int lastSent,
      long sampleDue) {}

  /**
   * All three.
   *
   * @param arriving whether a byte is on its way, until {@code arrival} (nanoseconds)
   * @param breaking the translator has seen F0h
   */
  public record State(
      int status,
      int mode,
      int outputPort,
      int data,
      Source source,
      int command,
      byte[] ram,
      boolean arriving,
      long arrival,
      boolean breaking,
      KeyboardState keyboard,
      MouseState mouse) {}

  private final VirtualClock clock;
  private final EventQueue events;
  private final IrqLine irq1;
  private final IrqLine irq12;
  private final IrqLine a20;
  private final Runnable resetLine;
  private final Keyboard keyboard = new Keyboard();
  private final Mouse mouse = new Mouse();
  private final byte[] ram = new byte[32];
  private int status;
  private int mode;
  private int outputPort;
  private int data;
  private Source source = Source.CONTROLLER;
  private int command;
  private boolean breaking;
  private long arrival = NEVER;
  private EventQueue.@Nullable Event arriving;
  private final Runnable arrived = this::byteArrives;

  /**
   * @param a20 this controller's driver of the A20 gate
   * @param resetLine pulses the processor's INIT, by way of the PIIX3
   */
  public I8042(Board board, IrqLine irq1, IrqLine irq12, IrqLine a20, Runnable resetLine) {
    this.clock = board.clock();
    this.events = board.events();
    this.irq1 = irq1;
    this.irq12 = irq12;
    this.a20 = a20;
    this.resetLine = resetLine;
    board.ports().map(0x60, 1, 1, "8042 data", new DataPort());
    board.ports().map(0x64, 1, 1, "8042 command", new CommandPort());
    reset();
  }

  /**
   * A key went down or up. A key that is down already does not go down again: it repeats itself.
   */
  public void key(Key key, boolean down) {
    keyboard.key(key, down);
    pump();
  }

  /**
   * The mouse moved and its buttons are as given.
   *
   * @param dx counts to the right
   * @param dy counts downwards
   * @param wheel notches towards the user
   * @param buttons bit 0 left, 1 right, 2 middle, 3 and 4 the side buttons
   */
  public void pointer(int dx, int dy, int wheel, int buttons) {
    mouse.move(dx, dy, wheel, buttons);
    pump();
  }

  /** Bit 0 Scroll Lock, bit 1 Num Lock, bit 2 Caps Lock. */
  public int leds() {
    return keyboard.leds;
  }

  private final class DataPort implements IoHandler {
    @Override
    public int read(int offset, int width) {
      if ((status & STATUS_OBF) != 0) {
        status &= ~(STATUS_OBF | STATUS_AUX);
        updateLines();
        pump();
      }
      return data;
    }

    @Override
    public void write(int offset, int width, int value) {
      status &= ~STATUS_COMMAND;
      int parameterOf = command;
      command = 0;
      if (parameterOf == 0) {
        mode &= ~MODE_KEYBOARD_OFF;
        keyboard.command(value);
      } else {
        parameter(parameterOf, value);
      }
      pump();
    }
  }

  private final class CommandPort implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return status;
    }

    @Override
    public void write(int offset, int width, int value) {
      status |= STATUS_COMMAND;
      command = 0;
      execute(value);
      pump();
    }
  }

  private void execute(int value) {
    switch (value) {
      case 0xA7 -> mode |= MODE_MOUSE_OFF;
      case 0xA8 -> mode &= ~MODE_MOUSE_OFF;
      case 0xA9, 0xAB -> answer(0);
      case 0xAA -> {
        status |= STATUS_SYS;
        mode |= MODE_SYS | MODE_KEYBOARD_OFF | MODE_MOUSE_OFF;
        answer(SELF_TEST_PASSED);
      }
      case 0xAD -> mode |= MODE_KEYBOARD_OFF;
      case 0xAE -> mode &= ~MODE_KEYBOARD_OFF;
      case 0xC0 -> answer(INPUT_PORT);
      case 0xD0 -> answer(readOutputPort());
      case 0xD1, 0xD2, 0xD3, 0xD4 -> command = value;
      case 0xDD -> writeOutputPort(outputPort & ~OUT_A20);
      case 0xDF -> writeOutputPort(outputPort | OUT_A20);
      case 0xE0 -> answer((mode & MODE_KEYBOARD_OFF) != 0 ? 0 : 1);
      default -> {
        if (value >= 0x20 && value < 0x40) {
          answer(value == 0x20 ? mode : ram[value & 31]);
        } else if (value >= 0x60 && value < 0x80) {
          command = value;
        } else if (value >= 0xF0 && (value & OUT_NOT_RESET) == 0) {
          resetLine.run();
        }
      }
    }
  }

  private void parameter(int of, int value) {
    switch (of) {
      case 0xD1 -> writeOutputPort(value);
      case 0xD2 -> deliver(value, Source.KEYBOARD);
      case 0xD3 -> deliver(value, Source.MOUSE);
      case 0xD4 -> {
        mode &= ~MODE_MOUSE_OFF;
        mouse.command(value);
      }
      case 0x60 -> {
        mode = value & 0x7F;
        status = status & ~STATUS_SYS | value & MODE_SYS;
        updateLines();
      }
      default -> ram[of & 31] = (byte) value;
    }
  }

  private int readOutputPort() {
    int value = outputPort & ~(OUT_KEYBOARD_OBF | OUT_MOUSE_OBF);
    if ((status & STATUS_OBF) != 0) {
      value |= (status & STATUS_AUX) != 0 ? OUT_MOUSE_OBF : OUT_KEYBOARD_OBF;
    }
    return value;
  }

  private void writeOutputPort(int value) {
    outputPort = value;
    a20.set((value & OUT_A20) != 0);
    if ((value & OUT_NOT_RESET) == 0) {
      resetLine.run();
    }
  }

  private void answer(int value) {
    deliver(value, Source.CONTROLLER);
  }

  /** Puts a byte into the output buffer; one that was not read is lost, as on the chip. */
  private void deliver(int value, Source from) {
    data = value & 0xFF;
    source = from;
    status = status & ~STATUS_AUX | STATUS_OBF | (from == Source.MOUSE ? STATUS_AUX : 0);
    updateLines();
  }

  private void updateLines() {
    boolean full = (status & STATUS_OBF) != 0;
    boolean aux = (status & STATUS_AUX) != 0;
    irq1.set(full && !aux && (mode & MODE_IRQ1) != 0);
    irq12.set(full && aux && (mode & MODE_IRQ12) != 0);
  }

  /** Starts the next byte on its way, if there is one and room for it. */
  private void pump() {
    if (arriving == null && (status & STATUS_OBF) == 0 && (keyboardReady() || mouseReady())) {
      arrival = clock.nanos() + WIRE_NANOS;
      arriving = events.at(arrival, "8042", arrived);
    }
  }

  private boolean keyboardReady() {
    return (mode & MODE_KEYBOARD_OFF) == 0 && keyboard.hasByte();
  }

  private boolean mouseReady() {
    return (mode & MODE_MOUSE_OFF) == 0 && mouse.hasByte();
  }

  private void byteArrives() {
    arriving = null;
    arrival = NEVER;
    while ((status & STATUS_OBF) == 0) {
      if (keyboardReady()) {
        int value = translate(keyboard.take());
        if (value >= 0) {
          deliver(value, Source.KEYBOARD);
        }
      } else if (mouseReady()) {
        deliver(mouse.take(), Source.MOUSE);
      } else {
        return;
      }
    }
  }

  /** The byte as the guest sees it, or -1 for a break prefix that is folded into the next byte. */
  private int translate(int value) {
    if ((mode & MODE_TRANSLATE) == 0) {
      return value;
    }
    if (value == BREAK) {
      breaking = true;
      return -1;
    }
    int code =
        switch (value) {
          case 0x83 -> 0x41;
          case 0x84 -> 0x54;
          default -> value < 0x80 ? TRANSLATION[value] & 0xFF : value;
        };
    if (breaking) {
      breaking = false;
      code |= 0x80;
    }
    return code;
  }

  /** Bytes in order; one that does not fit is refused. */
  private static final class Fifo {
    private final byte[] bytes;
    private int head;
    private int count;

    Fifo(int capacity) {
      bytes = new byte[capacity];
    }

    int room() {
      return bytes.length - count;
    }

    boolean isEmpty() {
      return count == 0;
    }

    void clear() {
      count = 0;
    }

    void add(int value) {
      if (count < bytes.length) {
        bytes[(head + count++) % bytes.length] = (byte) value;
      }
    }

    int take() {
      int value = bytes[head] & 0xFF;
      head = (head + 1) % bytes.length;
      count--;
      return value;
    }

    byte[] state() {
      byte[] state = new byte[count];
      for (int i = 0; i < count; i++) {
        state[i] = bytes[(head + i) % bytes.length];
      }
      return state;
    }

    void restore(byte[] state) {
      head = count = 0;
      for (byte value : state) {
        add(value);
      }
    }
  }

  /** The keyboard at the end of its cable. */
  private final class Keyboard {
    private static final int QUEUE = 16;
    private static final int DEFAULT_TYPEMATIC = 0x2B;
    private static final int OVERRUN_SET1 = 0xFF;
    private static final int OVERRUN_SET2 = 0x00;

    private final Fifo codes = new Fifo(QUEUE);
    private final Fifo replies = new Fifo(8);
    private final EnumSet<Key> down = EnumSet.noneOf(Key.class);
    private final Key[] keys = Key.values();
    private final Runnable repeat = this::repeats;
    private int command;
    private int scanSet = 2;
    private boolean scanning = true;
    private int leds;
    private int typematic = DEFAULT_TYPEMATIC;
    private int lastSent;
    private @Nullable Key typematicKey;
    private long typematicDue;
    private EventQueue.@Nullable Event typematicEvent;

    boolean hasByte() {
      return !replies.isEmpty() || !codes.isEmpty();
    }

    int take() {
      int value = replies.isEmpty() ? codes.take() : replies.take();
      if (value != RESEND) {
        lastSent = value;
      }
      return value;
    }

    void command(int value) {
      int parameterOf = command;
      command = 0;
      if (parameterOf != 0 && value < 0x80) {
        parameter(parameterOf, value);
        return;
      }
      switch (value) {
        case 0xED, 0xF3, 0xFB, 0xFC, 0xFD -> {
          command = value;
          replies.add(ACK);
        }
        case 0xF0 -> {
          command = value;
          codes.clear();
          replies.add(ACK);
        }
        case 0xEE -> replies.add(ECHO);
        case 0xF2 -> {
          replies.add(ACK);
          replies.add(0xAB);
          replies.add(0x83);
        }
        case 0xF4 -> {
          codes.clear();
          scanning = true;
          replies.add(ACK);
        }
        case 0xF5 -> {
          setDefaults();
          scanning = false;
          replies.add(ACK);
        }
        case 0xF6 -> {
          setDefaults();
          scanning = true;
          replies.add(ACK);
        }
        // Key types of scan code set 3.
        case 0xF7, 0xF8, 0xF9, 0xFA -> replies.add(ACK);
        case 0xFE -> replies.add(lastSent);
        case 0xFF -> {
          replies.clear();
          setDefaults();
          scanning = true;
          leds = 0;
          replies.add(ACK);
          replies.add(BAT_PASSED);
        }
        default -> replies.add(RESEND);
      }
    }

    private void parameter(int of, int value) {
      switch (of) {
        case 0xED -> {
          leds = value & 7;
          replies.add(ACK);
        }
        case 0xF3 -> {
          typematic = value;
          replies.add(ACK);
        }
        case 0xF0 -> {
          if (value == 0) {
            replies.add(ACK);
            replies.add(scanSet);
          } else if (value <= 2) {
            scanSet = value;
            replies.add(ACK);
          } else {
            replies.add(RESEND);
          }
        }
        default -> {
          // FBh to FDh take set 3 codes until the next command.
          command = of;
          replies.add(ACK);
        }
      }
    }

    private void setDefaults() {
      codes.clear();
      scanSet = 2;
      typematic = DEFAULT_TYPEMATIC;
      stopRepeating();
    }

    void key(Key key, boolean pressed) {
      boolean changed = pressed ? down.add(key) : down.remove(key);
      if (!changed) {
        return;
      }
      if (!pressed && key == typematicKey) {
        stopRepeating();
      }
      if (!scanning) {
        return;
      }
      if (pressed) {
        send(key, true);
        startRepeating(key);
      } else {
        send(key, false);
      }
    }

    private boolean anyDown(Key one, Key other) {
      return down.contains(one) || down.contains(other);
    }

    private void send(Key key, boolean make) {
      boolean control = anyDown(Key.CONTROL_LEFT, Key.CONTROL_RIGHT);
      switch (key) {
        case PAUSE -> {
          if (make && control) {
            // Ctrl+Pause is Break: make and break at once.
            put(code(0xE046, 0xE07E, true), code(0xE046, 0xE07E, false));
          } else if (make) {
            if (scanSet == 1) {
              put(0xE11D45E19DC5L, 0);
            } else {
              put(0xE11477E1F014F077L, 0);
            }
          }
        }
        case PRINT_SCREEN -> {
          if (anyDown(Key.ALT_LEFT, Key.ALT_RIGHT)) {
            put(code(0x54, 0x84, make), 0);
          } else if (control || anyDown(Key.SHIFT_LEFT, Key.SHIFT_RIGHT)) {
            put(code(key.set1(), key.set2(), make), 0);
          } else if (make) {
            put(code(0xE02A, 0xE012, true), code(key.set1(), key.set2(), true));
          } else {
            put(code(key.set1(), key.set2(), false), code(0xE02A, 0xE012, false));
          }
        }
        case LANG_1, LANG_2 -> {
          if (make) {
            put(key.set2(), 0);
          }
        }
        default -> put(code(key.set1(), key.set2(), make), 0);
      }
    }

    /** A key's make or break code in the current set, first byte highest. */
    private long code(int set1, int set2, boolean make) {
      if (scanSet == 1) {
        return make ? set1 : set1 | 0x80;
      }
      if (make) {
        return set2;
      }
      return set2 > 0xFF ? (long) (set2 >>> 8) << 16 | BREAK << 8 | set2 & 0xFF : BREAK << 8 | set2;
    }

    /** Queues two codes, all of them or, when there is no room, the overrun code. */
    private void put(long first, long second) {
      int length = length(first) + length(second);
      if (length < codes.room()) {
        append(first);
        append(second);
      } else if (codes.room() > 0) {
        codes.add(scanSet == 1 ? OVERRUN_SET1 : OVERRUN_SET2);
      }
    }

    private static int length(long code) {
      return (71 - Long.numberOfLeadingZeros(code)) / 8;
    }

    private void append(long code) {
      for (int i = length(code) - 1; i >= 0; i--) {
        int value = (int) (code >>> 8 * i) & 0xFF;
        codes.add(value);
      }
    }

    private void startRepeating(Key key) {
      stopRepeating();
      if (key == Key.PAUSE || key == Key.LANG_1 || key == Key.LANG_2) {
        return;
      }
      typematicKey = key;
      // Bits 6-5: 250 ms times (1 + value).
      enterRepeat(clock.nanos() + ((typematic >>> 5 & 3) + 1) * 250_000_000L);
    }

    private void enterRepeat(long due) {
      typematicDue = due;
      typematicEvent = events.at(due, "typematic", repeat);
    }

    private void repeats() {
      typematicEvent = null;
      Key key = typematicKey;
      if (key == null || !scanning) {
        return;
      }
      // Repeats only while the guest keeps up: a key that was let go must not run on.
      if (codes.isEmpty()) {
        send(key, true);
        pump();
      }
      // Bits 4-0: a period of (8 + A) * 2^B * 4.17 ms, A bits 2-0, B bits 4-3.
      long period = (8 + (typematic & 7)) * (1L << (typematic >>> 3 & 3)) * 4_170_000L;
      enterRepeat(Math.max(typematicDue + period, clock.nanos()));
    }

    private void stopRepeating() {
      typematicKey = null;
      if (typematicEvent != null) {
        events.cancel(typematicEvent);
        typematicEvent = null;
      }
    }

    void reset() {
      codes.clear();
      replies.clear();
      command = 0;
      setDefaults();
      scanning = true;
      leds = 0;
      lastSent = 0;
    }

    KeyboardState state() {
      return new KeyboardState(
          codes.state(),
          replies.state(),
          command,
          scanSet,
          scanning,
          leds,
          typematic,
          lastSent,
          down.stream().mapToInt(Key::ordinal).toArray(),
          typematicKey == null ? -1 : typematicKey.ordinal(),
          typematicDue);
    }

    void restore(KeyboardState state) {
      stopRepeating();
      codes.restore(state.codes());
      replies.restore(state.replies());
      command = state.command();
      scanSet = state.scanSet();
      scanning = state.scanning();
      leds = state.leds();
      typematic = state.typematic();
      lastSent = state.lastSent();
      down.clear();
      for (int ordinal : state.down()) {
        if (ordinal >= 0 && ordinal < keys.length) {
          down.add(keys[ordinal]);
        }
      }
      int repeating = state.typematicKey();
      typematicDue = state.typematicDue();
      if (repeating >= 0 && repeating < keys.length) {
        typematicKey = keys[repeating];
        enterRepeat(typematicDue);
      }
    }
  }

  /** The mouse at the end of its cable. */
  private final class Mouse {
    private static final int DEFAULT_RATE = 100;
    private static final int WHEEL = 3;
    private static final int FIVE_BUTTONS = 4;
    private static final int KNOCK_WHEEL = 200 << 16 | 100 << 8 | 80;
    private static final int KNOCK_FIVE_BUTTONS = 200 << 16 | 200 << 8 | 80;
    private static final int MAXIMUM = 1 << 16;

    private final Fifo packet = new Fifo(8);
    private final Fifo replies = new Fifo(16);
    private final Runnable sample = this::samples;
    private int command;
    private int id;
    private int rates;
    private int sampleRate = DEFAULT_RATE;
    private int resolution = 2;
    private boolean scaling;
    private boolean remote;
    private boolean wrap;
    private boolean reporting;
    private int dx;
    private int dy;
    private int wheel;
    private int buttons;
    private int reportedButtons;
    private int lastSent;
    private long sampleDue;
    private EventQueue.@Nullable Event sampleEvent;

    boolean hasByte() {
      return !replies.isEmpty() || !packet.isEmpty();
    }

    int take() {
      int value = replies.isEmpty() ? packet.take() : replies.take();
      if (value != RESEND) {
        lastSent = value;
      }
      report();
      return value;
    }

    void move(int byX, int byY, int byWheel, int newButtons) {
      dx = Math.clamp((long) dx + byX, -MAXIMUM, MAXIMUM);
      dy = Math.clamp((long) dy - byY, -MAXIMUM, MAXIMUM);
      wheel = Math.clamp((long) wheel + byWheel, -MAXIMUM, MAXIMUM);
      buttons = newButtons & 0x1F;
      report();
    }

    private boolean hasNews() {
      return dx != 0 || dy != 0 || id != 0 && wheel != 0 || buttons != reportedButtons;
    }

    /** In stream mode: a packet, not sooner than a sample's time after the last. */
    private void report() {
      if (!reporting || remote || wrap || !packet.isEmpty() || !hasNews()) {
        return;
      }
      if (sampleEvent != null) {
        return;
      }
      long now = clock.nanos();
      if (now < sampleDue) {
        sampleEvent = events.at(sampleDue, "mouse", sample);
        return;
      }
      sampleDue = now + 1_000_000_000L / sampleRate;
      fill(packet, scaling);
    }

    private void samples() {
      sampleEvent = null;
      report();
      pump();
    }

    /** A movement packet of what has gathered; what does not fit stays for the next. */
    private void fill(Fifo target, boolean scaled) {
      int x = Math.clamp(dx, -255, 255);
      int y = Math.clamp(dy, -255, 255);
      dx -= x;
      dy -= y;
      if (scaled) {
        x = scale(x);
        y = scale(y);
      }
      reportedButtons = buttons;
      target.add(buttons & 7 | 8 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0));
      target.add(x);
      target.add(y);
      if (id != 0) {
        int z = Math.clamp(wheel, -8, 7);
        wheel -= z;
        target.add(id == WHEEL ? z : z & 15 | (buttons & 0x18) << 1);
      }
    }

    /** 2:1 scaling (IBM, "Mouse", Set Scaling 2:1). */
    private static int scale(int counts) {
      int magnitude = Math.abs(counts);
      int scaled =
          switch (magnitude) {
            case 0 -> 0;
            case 1, 2 -> 1;
            case 3 -> 3;
            case 4 -> 6;
            case 5 -> 9;
            default -> Math.min(2 * magnitude, 255);
          };
      return counts < 0 ? -scaled : scaled;
    }

    void command(int value) {
      int parameterOf = command;
      command = 0;
      if (wrap && value != 0xEC && value != 0xFF) {
        replies.add(value);
        return;
      }
      if (parameterOf == 0xF3) {
        setRate(value);
        return;
      }
      if (parameterOf == 0xE8) {
        resolution = value & 3;
        replies.add(ACK);
        return;
      }
      execute(value);
    }

    private void setRate(int rate) {
      if (rate == 0) {
        replies.add(RESEND);
        return;
      }
      sampleRate = rate;
      rates = rates << 8 & 0xFFFFFF | rate;
      if (rates == KNOCK_WHEEL && id == 0) {
        id = WHEEL;
      } else if (rates == KNOCK_FIVE_BUTTONS) {
        id = FIVE_BUTTONS;
      }
      replies.add(ACK);
    }

    private void execute(int value) {
      packet.clear();
      if (value == RESEND) {
        replies.add(lastSent);
        return;
      }
      replies.add(ACK);
      switch (value) {
        case 0xE6 -> scaling = false;
        case 0xE7 -> scaling = true;
        case 0xE8, 0xF3 -> command = value;
        case 0xE9 -> {
          // Button bits here are left 2, middle 1, right 0.
          int pressed = (buttons & 1) << 2 | (buttons & 4) >> 1 | (buttons & 2) >> 1;
          replies.add(
              (remote ? 0x40 : 0) | (reporting ? 0x20 : 0) | (scaling ? 0x10 : 0) | pressed);
          replies.add(resolution);
          replies.add(sampleRate);
        }
        case 0xEA -> {
          remote = false;
          clearCounts();
        }
        case 0xEB -> fill(replies, false);
        case 0xEC -> wrap = false;
        case 0xEE -> wrap = true;
        case 0xF0 -> {
          remote = true;
          clearCounts();
        }
        case 0xF2 -> replies.add(id);
        case 0xF4 -> {
          reporting = true;
          clearCounts();
        }
        case 0xF5 -> reporting = false;
        case 0xF6 -> setDefaults();
        case 0xFF -> {
          setDefaults();
          id = 0;
          rates = 0;
          wrap = false;
          replies.add(BAT_PASSED);
          replies.add(id);
        }
        default -> {
          replies.clear();
          replies.add(RESEND);
        }
      }
    }

    private void clearCounts() {
      dx = dy = wheel = 0;
      reportedButtons = buttons;
    }

    private void setDefaults() {
      sampleRate = DEFAULT_RATE;
      resolution = 2;
      scaling = remote = reporting = false;
      clearCounts();
    }

    void reset() {
      packet.clear();
      replies.clear();
      command = lastSent = rates = id = 0;
      wrap = false;
      setDefaults();
      sampleDue = 0;
      cancel();
    }

    private void cancel() {
      if (sampleEvent != null) {
        events.cancel(sampleEvent);
        sampleEvent = null;
      }
    }

    MouseState state() {
      return new MouseState(
          packet.state(),
          replies.state(),
          command,
          id,
          rates,
          sampleRate,
          resolution,
          scaling,
          remote,
          wrap,
          reporting,
          dx,
          dy,
          wheel,
          buttons,
          reportedButtons,
          lastSent,
          sampleDue);
    }

    void restore(MouseState state) {
      cancel();
      packet.restore(state.packet());
      replies.restore(state.replies());
      command = state.command();
      id = state.id();
      rates = state.rates();
      sampleRate = Math.max(1, state.sampleRate());
      resolution = state.resolution();
      scaling = state.scaling();
      remote = state.remote();
      wrap = state.wrap();
      reporting = state.reporting();
      dx = state.dx();
      dy = state.dy();
      wheel = state.wheel();
      buttons = state.buttons();
      reportedButtons = state.reportedButtons();
      lastSent = state.lastSent();
      sampleDue = state.sampleDue();
      report();
    }
  }

  @Override
  public String name() {
    return "i8042";
  }

  @Override
  public void reset() {
    status = STATUS_NOT_LOCKED;
    mode = MODE_IRQ1 | MODE_TRANSLATE;
    outputPort = OUT_AT_RESET;
    data = 0;
    source = Source.CONTROLLER;
    command = 0;
    breaking = false;
    Arrays.fill(ram, (byte) 0);
    stopArrival();
    keyboard.reset();
    mouse.reset();
    updateLines();
    a20.set(true);
  }

  private void stopArrival() {
    arrival = NEVER;
    if (arriving != null) {
      events.cancel(arriving);
      arriving = null;
    }
  }

  @Override
  public State state() {
    return new State(
        status,
        mode,
        outputPort,
        data,
        source,
        command,
        ram.clone(),
        arriving != null,
        arrival,
        breaking,
        keyboard.state(),
        mouse.state());
  }

  @Override
  public void restore(State state) {
    stopArrival();
    status = state.status();
    mode = state.mode();
    outputPort = state.outputPort();
    data = state.data();
    source = state.source();
    command = state.command();
    System.arraycopy(state.ram(), 0, ram, 0, Math.min(ram.length, state.ram().length));
    breaking = state.breaking();
    keyboard.restore(state.keyboard());
    mouse.restore(state.mouse());
    if (state.arriving()) {
      arrival = state.arrival();
      arriving = events.at(arrival, "8042", arrived);
    }
    updateLines();
    a20.set((outputPort & OUT_A20) != 0);
  }
}
