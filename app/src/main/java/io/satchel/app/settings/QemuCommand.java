package io.satchel.app.settings;

import io.satchel.app.common.Sizes;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A machine as the line that starts the same one in QEMU, and back (QEMU, "Invocation": -drive,
 * -boot, -rtc, -cpu).
 */
public final class QemuCommand {

  private static final Map<String, String> TO_QEMU =
      Map.of("pentium-mmx", "pentium", "pentiumpro", "qemu32", "pentium4", "qemu32");

  private static final Map<String, String> FROM_QEMU =
      Map.ofEntries(
          Map.entry("486", "486"),
          Map.entry("pentium", "pentium"),
          Map.entry("pentium2", "pentium2"),
          Map.entry("pentium3", "pentium3"),
          Map.entry("qemu32", "pentium4"),
          Map.entry("kvm32", "pentium4"),
          Map.entry("coreduo", "pentium4"),
          Map.entry("n270", "pentium4"),
          Map.entry("athlon", "pentium3"));

  /** Options without a value that change nothing here. */
  private static final List<String> FLAGS =
      List.of(
          "-enable-kvm",
          "-no-acpi",
          "-no-hpet",
          "-no-reboot",
          "-no-shutdown",
          "-nographic",
          "-full-screen",
          "-S",
          "-s",
          "-daemonize",
          "-usb",
          "-nodefaults",
          "-snapshot",
          "-no-fd-bootchk",
          "-win2k-hack",
          "-sdl",
          "-curses",
          "-no-quit");

  /** How many words may stand before the program's name. */
  private static final int MOST_BEFORE = 2;

  private QemuCommand() {}

  /** The line, an option a line. */
  public static String of(Entry entry) {
    MachineFile machine = entry.machine();
    List<String> parts = new ArrayList<>();
    boolean wide = machine.processor().equals("max");
    parts.add((wide ? "qemu-system-x86_64" : "qemu-system-i386") + " -machine pc");
    parts.add("-name " + quoted(machine.name()));
    parts.add("-cpu " + TO_QEMU.getOrDefault(machine.processor(), machine.processor()));
    parts.add("-m " + machine.memoryMib());
    if (machine.processors() > 1) {
      parts.add("-smp " + machine.processors());
    }
    parts.add("-rtc base=" + (machine.date() == null ? "localtime" : machine.date().withNano(0)));
    for (Disk disk : machine.disks()) {
      parts.add("-drive " + quoted(drive(entry, disk)));
    }
    media(parts, entry, machine.cd(), "if=ide,index=" + MachineFile.CD_UNIT + ",media=cdrom");
    media(parts, entry, machine.floppyA(), "if=floppy,index=0,snapshot=on");
    media(parts, entry, machine.floppyB(), "if=floppy,index=1,snapshot=on");
    parts.add("-boot " + boot(machine));
    return String.join(" \\\n  ", parts);
  }

  private static void media(
      List<String> parts, Entry entry, @Nullable String file, String options) {
    if (file != null) {
      parts.add("-drive " + quoted("file=" + escaped(entry.resolve(file)) + "," + options));
    }
  }

  private static String drive(Entry entry, Disk disk) {
    Path top = entry.resolve(disk.top());
    StringBuilder text = new StringBuilder("file=" + escaped(top));
    if (!disk.layers().isEmpty()) {
      text.append(",format=qcow2");
    }
    text.append(",if=ide,index=").append(disk.unit()).append(",media=disk");
    if (disk.readOnly()) {
      text.append(",readonly=on");
    }
    if (disk.throwAway()) {
      text.append(",snapshot=on");
    }
    if (disk.cache() != CacheMode.WRITEBACK) {
      text.append(",cache=").append(disk.cache().name().toLowerCase(Locale.ROOT));
    }
    if (disk.serial() != null) {
      text.append(",serial=").append(disk.serial().replace(",", ",,"));
    }
    return text.toString();
  }

  private static String boot(MachineFile machine) {
    StringBuilder text = new StringBuilder("order=");
    machine.bootOrder().forEach(each -> text.append(letter(each)));
    BootDevice once = machine.bootOnce();
    if (once != null) {
      text.append(",once=").append(letter(once));
    }
    return text + (machine.bootMenu() ? ",menu=on" : "");
  }

  private static char letter(BootDevice device) {
    return switch (device) {
      case FLOPPY -> 'a';
      case HARD_DISK -> 'c';
      case CD -> 'd';
    };
  }

  /** A comma within a value is written twice. */
  private static String escaped(Path file) {
    return file.toString().replace(",", ",,");
  }

  private static String quoted(String word) {
    return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  /**
   * What was understood of a line.
   *
   * @param machine the machine, its files as the line names them, made absolute
   * @param ignored the options that have no counterpart here
   */
  public record Parsed(MachineFile machine, List<String> ignored) {}

  /**
   * Reads a line.
   *
   * @param folder where relative names begin
   * @throws IllegalArgumentException if it is no such line; the message is for a developer
   */
  public static Parsed parse(String line, Path folder) {
    List<String> words = words(line);
    int program = 0;
    // A prompt, or such a word as sudo, may stand before it.
    while (program < words.size() && !words.get(program).contains("qemu")) {
      program++;
    }
    if (program >= Math.min(words.size(), MOST_BEFORE + 1)) {
      throw new IllegalArgumentException("no QEMU line");
    }
    Reader reader = new Reader(folder);
    for (int i = program + 1; i < words.size(); i++) {
      String option = words.get(i).replaceFirst("^--", "-");
      boolean hasValue =
          i + 1 < words.size()
              && !FLAGS.contains(option)
              && option.startsWith("-")
              && !words.get(i + 1).startsWith("-");
      reader.option(option, hasValue ? words.get(++i) : "");
    }
    return reader.result();
  }

  /** Splits as a shell does: quotes, backslashes, line ends. */
  static List<String> words(String line) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean open = false;
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (quote != 0 && c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
        open = true;
      } else if (quote == 0 && (c == '\\' || c == '^') && endsLine(line, i)) {
        i += line.startsWith("\r\n", i + 1) ? 2 : 1;
      } else if (c == '\\' && quote != '\'' && i + 1 < line.length() && escapable(line, i)) {
        word.append(line.charAt(++i));
        open = true;
      } else if (quote == 0 && Character.isWhitespace(c)) {
        if (open) {
          words.add(word.toString());
          word.setLength(0);
          open = false;
        }
      } else {
        word.append(c);
        open = true;
      }
    }
    if (open) {
      words.add(word.toString());
    }
    return words;
  }

  private static boolean endsLine(String line, int at) {
    return line.startsWith("\n", at + 1) || line.startsWith("\r\n", at + 1);
  }

  /** A backslash of a Windows path is one. */
  private static boolean escapable(String line, int at) {
    return " '\"\\".indexOf(line.charAt(at + 1)) >= 0;
  }

  /** Puts options together. */
  private static final class Reader {
    private final Path folder;
    private final List<String> ignored = new ArrayList<>();
    private final Map<Integer, Disk> disks = new TreeMap<>();
    private final List<Disk> anywhere = new ArrayList<>();
    private MachineFile machine = MachineFile.named("", 128, "pentium3");
    private boolean throwAway;

    Reader(Path folder) {
      this.folder = folder;
    }

    private String file(String name) {
      return folder.resolve(name).normalize().toString().replace('\\', '/');
    }

    void option(String option, String value) {
      switch (option) {
        case "-m" -> machine = machine.withHardware(memory(value), machine.processor());
        case "-cpu" -> machine = machine.withHardware(machine.memoryMib(), processor(value));
        case "-smp" -> machine = machine.withProcessors(processors(value));
        case "-name" -> machine = machine.withName(value.split(",")[0].replaceFirst("^guest=", ""));
        case "-hda" -> place(0, Disk.of(file(value), 0));
        case "-hdb" -> place(1, Disk.of(file(value), 1));
        case "-hdc" -> anywhere.add(Disk.of(file(value), 0));
        case "-hdd" -> place(3, Disk.of(file(value), 3));
        case "-cdrom" ->
            machine = machine.withMedia(file(value), machine.floppyA(), machine.floppyB());
        case "-fda" -> machine = machine.withMedia(machine.cd(), file(value), machine.floppyB());
        case "-fdb" -> machine = machine.withMedia(machine.cd(), machine.floppyA(), file(value));
        case "-drive" -> drive(value);
        case "-boot" -> boot(value);
        case "-rtc" -> date(value);
        case "-snapshot" -> throwAway = true;
        case "-machine", "-M", "-accel", "-enable-kvm", "-display", "-usb" -> {
          // The board is the same, and the rest is the host's affair.
        }
        default -> ignored.add((option + " " + value).strip());
      }
    }

    private void place(int unit, Disk disk) {
      if (unit == MachineFile.CD_UNIT || disks.containsKey(unit)) {
        anywhere.add(disk);
      } else {
        disks.put(unit, disk);
      }
    }

    private int memory(String value) {
      String amount = value.split(",")[0].replaceFirst("^size=", "");
      long bytes = amount.matches("\\d+") ? Long.parseLong(amount) << 20 : Sizes.parse(amount);
      if (bytes >> 20 > MachineFile.MAX_MEMORY_MIB) {
        ignored.add("-m " + value);
      }
      return Math.clamp(bytes >> 20, 1, MachineFile.MAX_MEMORY_MIB);
    }

    private static String processor(String value) {
      return FROM_QEMU.getOrDefault(value.split(",")[0].toLowerCase(Locale.ROOT), "max");
    }

    private static Map<String, String> fields(String value) {
      Map<String, String> fields = new TreeMap<>();
      for (String part : value.split("(?<!,),(?!,)")) {
        int equals = part.indexOf('=');
        String key = equals < 0 ? part : part.substring(0, equals);
        fields.put(key, equals < 0 ? "" : part.substring(equals + 1).replace(",,", ","));
      }
      return fields;
    }

    private void drive(String value) {
      Map<String, String> fields = fields(value);
      String name = fields.get("file");
      if (name == null) {
        return;
      }
      String bus = fields.getOrDefault("if", "ide");
      int index = number(fields.get("index"), -1);
      if (bus.equals("floppy")) {
        option(index == 1 ? "-fdb" : "-fda", name);
        return;
      }
      if (fields.getOrDefault("media", "disk").equals("cdrom")) {
        option("-cdrom", name);
        return;
      }
      if (!bus.equals("ide")) {
        ignored.add("if=" + bus);
      }
      Disk disk =
          new Disk(
              file(name),
              List.of(),
              Math.max(0, index),
              on(fields.get("readonly")),
              on(fields.get("snapshot")),
              switch (fields.getOrDefault("cache", "writeback")) {
                case "writethrough", "directsync" -> CacheMode.WRITETHROUGH;
                case "unsafe" -> CacheMode.UNSAFE;
                case "none" -> CacheMode.NONE;
                default -> CacheMode.WRITEBACK;
              },
              serial(fields.get("serial")));
      if (index < 0 || index > 3) {
        anywhere.add(disk);
      } else {
        place(index, disk);
      }
    }

    private static @Nullable String serial(@Nullable String given) {
      return given != null && MachineConfig.Drive.serialFits(given) ? given : null;
    }

    /** What -smp says, such as 2, cpus=2 or 4,sockets=2. */
    private int processors(String value) {
      Map<String, String> fields = fields(value);
      String plain = value.split(",")[0];
      return Math.clamp(
          number(fields.getOrDefault("cpus", plain), 1), 1, MachineConfig.MOST_PROCESSORS);
    }

    private static boolean on(@Nullable String value) {
      return "on".equals(value) || "".equals(value);
    }

    private static int number(@Nullable String text, int otherwise) {
      return text != null && text.matches("\\d") ? Integer.parseInt(text) : otherwise;
    }

    private void boot(String value) {
      Map<String, String> fields = value.contains("=") ? fields(value) : Map.of("order", value);
      List<BootDevice> order = devices(fields.getOrDefault("order", ""));
      List<BootDevice> once = devices(fields.getOrDefault("once", ""));
      List<BootDevice> all = new ArrayList<>(order);
      for (BootDevice each : machine.bootOrder()) {
        if (!all.contains(each)) {
          all.add(each);
        }
      }
      machine =
          machine.withBoot(all, once.isEmpty() ? null : once.getFirst(), on(fields.get("menu")));
    }

    private static List<BootDevice> devices(String letters) {
      List<BootDevice> devices = new ArrayList<>();
      for (char letter : letters.toCharArray()) {
        switch (letter) {
          case 'a' -> devices.add(BootDevice.FLOPPY);
          case 'c' -> devices.add(BootDevice.HARD_DISK);
          case 'd' -> devices.add(BootDevice.CD);
          default -> {
            // The network, which the machine does not start from.
          }
        }
      }
      return devices.stream().distinct().toList();
    }

    private void date(String value) {
      String base = fields(value).getOrDefault("base", "localtime");
      if (base.matches("\\d.*")) {
        try {
          machine =
              machine.withDate(LocalDateTime.parse(base.contains("T") ? base : base + "T12:00:00"));
        } catch (DateTimeParseException _) {
          ignored.add("-rtc " + value);
        }
      }
    }

    Parsed result() {
      List<Disk> all = new ArrayList<>();
      disks.forEach((unit, disk) -> all.add(at(disk, unit)));
      for (Disk disk : anywhere) {
        int unit = machine.withDisks(all).freeUnit();
        if (unit < 0) {
          ignored.add(disk.file());
        } else {
          all.add(at(disk, unit));
        }
      }
      return new Parsed(machine.withDisks(all), List.copyOf(ignored));
    }

    private Disk at(Disk disk, int unit) {
      return new Disk(
          disk.file(),
          disk.layers(),
          unit,
          disk.readOnly(),
          disk.throwAway() || throwAway,
          disk.cache(),
          disk.serial());
    }
  }
}
