package io.satchel.app.launch;

import io.satchel.app.headless.HeadlessRun;
import io.satchel.app.headless.Script;
import io.satchel.app.headless.Step;
import io.satchel.app.identify.ImageSummary;
import io.satchel.app.open.RunRequest;
import io.satchel.app.preset.Preset;
import io.satchel.app.preset.Presets;
import io.satchel.image.Answers;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Speed;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code satchel run}: starts a machine now, in a window or without one. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Starts a computer from a disk image, CD image or floppy image.",
    footer = {
      "",
      "Steps (--expect, --type, --key, --mouse, --send, --wait, --screenshot, --power-button,"
          + " --save, --restore) are done in",
      "the order they are given, and then a headless run ends; without steps it goes on until the"
          + " computer turns itself off.",
      "A --screenshot with --at is no step: it is taken at its time, and the run does not end"
          + " before.",
      "Exit status: 0 all steps done, or turned off; 1 --timeout passed or the computer crashed; 2"
          + " bad input;",
      "with --exit-port the status that the guest wrote."
    })
@SuppressWarnings("unused") // picocli calls the setters and sets the fields
final class RunCommand implements Callable<Integer> {

  private final PrintStream out;
  private final PrintStream err;

  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "IMAGE",
      description = "What to start from: qcow2 or raw disk, ISO, floppy image.")
  private @Nullable Path image;

  @Option(names = "--headless", description = "No window: for scripts and tests.")
  private boolean headless;

  @Option(
      names = {"--memory", "-m"},
      paramLabel = "MIB",
      description = "Memory in MiB (default: what the system in IMAGE needs, else 256).")
  private @Nullable Integer memory;

  @Option(
      names = "--cpu",
      paramLabel = "MODEL",
      description =
          "486, pentium, pentium-mmx, pentiumpro, pentium2, pentium3, pentium4, x86-64-v1,"
              + " x86-64-v2, x86-64-v3 or max (default: what the system in IMAGE needs, else"
              + " pentium3); features after commas, such as max,-avx,+nx.")
  private @Nullable String cpu;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      description = "Processors, 1 to 8 (default: ${DEFAULT-VALUE}).",
      defaultValue = "1")
  private int processors;

  @Option(
      names = "--speed",
      paramLabel = "386|486|pentium|full",
      description =
          "Hold the processors to about 8, 25 or 100 million instructions in a second, for"
              + " programs that run too fast (default: ${DEFAULT-VALUE}).",
      defaultValue = "full")
  private String speed = "full";

  @Option(names = "--cdrom", paramLabel = "FILE", description = "A CD image in the CD drive.")
  private @Nullable Path cdrom;

  @Option(
      names = "--floppy",
      paramLabel = "FILE",
      description = "A floppy image in drive A; a second time, in drive B.")
  private List<Path> floppies = new ArrayList<>();

  @Option(names = "--disk", paramLabel = "FILE", description = "One more hard disk.")
  private List<Path> disks = new ArrayList<>();

  @Option(
      names = "--boot",
      paramLabel = "ORDER",
      description = "Start order: any of a (floppy), c (disk), d (CD), such as dc; or menu.")
  private @Nullable String boot;

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "Start this multiboot ELF or Linux bzImage.")
  private @Nullable Path kernel;

  @Option(
      names = "--append",
      paramLabel = "TEXT",
      description = "The kernel's command line.",
      defaultValue = "")
  private String append = "";

  @Option(
      names = "--initrd",
      paramLabel = "FILE",
      description = "The kernel's initial RAM disk, or multiboot module.")
  private @Nullable Path initrd;

  @Option(
      names = "--bios",
      paramLabel = "FILE",
      description = "Another firmware instead of Satchel's own, such as SeaBIOS.")
  private @Nullable Path bios;

  @Option(
      names = "--pflash",
      paramLabel = "FILE",
      description =
          "Firmware in flash memory, such as OVMF; a second time, its variables, of which a copy"
              + " is changed.")
  private List<Path> pflash = new ArrayList<>();

  @Option(
      names = "--vga-bios",
      paramLabel = "FILE",
      description = "The display's option ROM, for --bios.")
  private @Nullable Path vgaBios;

  @Option(
      names = "--overlay",
      paramLabel = "FILE",
      description =
          "Keep what the computer writes in FILE, and go on from it when it exists. Without it"
              + " everything written is thrown away.")
  private @Nullable Path overlay;

  @Option(names = "--write", description = "Let the computer write into IMAGE itself.")
  private boolean write;

  @Option(
      names = "--clock",
      paramLabel = "host|instructions",
      description = "What the computer's time follows; instructions makes a run repeatable.",
      defaultValue = "host")
  private String clock = "host";

  @Option(
      names = "--date",
      paramLabel = "DATE",
      description = "The computer's date at power-on, such as 1999-12-31T23:59:00.")
  private @Nullable String date;

  @Option(
      names = "--serial",
      paramLabel = "stdio|FILE",
      description = "Where the first serial port goes.")
  private @Nullable String serial;

  @Option(
      names = "--debugcon",
      paramLabel = "stdio|FILE",
      description = "Where bytes written to port E9h go.")
  private @Nullable String debugcon;

  @Option(
      names = "--exit-port",
      description = "A write to port F4h ends the run with status value*2+1.")
  private boolean exitPort;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "Give up after this long (default: never).")
  private @Nullable Double timeout;

  @Option(names = "--quiet", description = "No summary at the end.")
  private boolean quiet;

  @Option(
      names = "--trace",
      paramLabel = "translate",
      description = "Print figures at the end: translate, of the translator of hot code.")
  private List<Trace> traces = List.of();

  /** What can be traced, by the word for the command line. */
  private enum Trace {
    translate
  }

  private final List<Step> steps = new ArrayList<>();
  private final List<HeadlessRun.TimedShot> timedShots = new ArrayList<>();

  @Option(
      names = "--expect",
      paramLabel = "TEXT",
      description = "Wait for TEXT on the text screen or the serial port.")
  private void expect(String text) {
    steps.add(new Step.Expect(text));
  }

  @Option(
      names = "--type",
      paramLabel = "TEXT",
      description = "Type TEXT on the keyboard; \\n is Enter, \\t Tab, \\e Escape.")
  private void type(String text) {
    steps.add(new Step.Type(unescape(text)));
  }

  @Option(
      names = "--key",
      paramLabel = "KEYS",
      description = "Press keys together, such as ctrl+alt+delete or f12.")
  private void key(String keys) {
    try {
      steps.add(new Step.Chord(Script.parseChord(keys)));
    } catch (IllegalArgumentException e) {
      throw mistake(String.valueOf(e.getMessage()));
    }
  }

  @Option(
      names = "--mouse",
      paramLabel = "DX,DY[,BUTTON]",
      description =
          "Move the mouse by so many counts to the right and down, and click left, middle or right"
              + " there.")
  private void mouse(String gesture) {
    String[] parts = gesture.split(",", -1);
    int buttons =
        parts.length < 3
            ? 0
            : switch (parts[2]) {
              case "left" -> 1;
              case "right" -> 2;
              case "middle" -> 4;
              default -> -1;
            };
    try {
      if (parts.length < 2 || parts.length > 3 || buttons < 0) {
        throw new NumberFormatException();
      }
      steps.add(new Step.Mouse(distance(parts[0]), distance(parts[1]), buttons));
    } catch (NumberFormatException _) {
      throw mistake(
          "--mouse takes two whole numbers up to 10000 and a button, such as 100,-20 or 0,0,left,"
              + " not \""
              + gesture
              + "\".");
    }
  }

  private static int distance(String text) {
    int distance = Integer.parseInt(text);
    if (Math.abs(distance) > 10_000) {
      throw new NumberFormatException();
    }
    return distance;
  }

  @Option(
      names = "--send",
      paramLabel = "TEXT",
      description = "Send TEXT to the serial port; \\n is carriage return.")
  private void send(String text) {
    steps.add(new Step.Send(unescape(text).replace('\n', '\r')));
  }

  @Option(
      names = "--wait",
      paramLabel = "SECONDS",
      description = "Let the computer run for so long.")
  private void pause(double seconds) {
    steps.add(new Step.Pause(duration(seconds)));
  }

  @Option(names = "--power-button", description = "Press the power button.", arity = "0")
  private void powerButton(boolean pressed) {
    steps.add(new Step.PowerButton());
  }

  @Option(
      names = "--save",
      paramLabel = "NAME",
      description =
          "Save the whole computer as a snapshot in its disk image (with --overlay or --write).")
  private void save(String name) {
    steps.add(new Step.Save(name));
  }

  @Option(
      names = "--restore",
      paramLabel = "NAME",
      description = "Go back to a snapshot that was saved on the same hardware.")
  private void restore(String name) {
    steps.add(new Step.Restore(name));
  }

  @Option(
      names = "--screenshot",
      paramLabel = "FILE",
      description = "Write the screen to a PNG file.")
  private void screenshot(Path file) {
    steps.add(new Step.Screenshot(file));
  }

  @Option(
      names = "--at",
      paramLabel = "SECONDS",
      description =
          "Take the --screenshot before it at this time after power-on instead of in the order of"
              + " steps.")
  private void at(double seconds) {
    if (steps.isEmpty() || !(steps.getLast() instanceof Step.Screenshot shot)) {
      throw mistake("--at belongs behind a --screenshot.");
    }
    steps.removeLast();
    timedShots.add(new HeadlessRun.TimedShot(duration(seconds), shot.file()));
  }

  RunCommand(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() {
    if (image == null
        && cdrom == null
        && floppies.isEmpty()
        && disks.isEmpty()
        && kernel == null
        && pflash.isEmpty()) {
      throw mistake("Name an image to start from.");
    }
    if (pflash.size() > 2) {
      throw mistake("--pflash is given at most twice: the firmware, then its variables.");
    }
    if (bios != null && !pflash.isEmpty()) {
      throw mistake("--bios and --pflash are two firmwares; name one.");
    }
    Hardware hardware = hardware();
    RunRequest request =
        new RunRequest(
            image,
            disks,
            cdrom,
            floppies,
            hardware.memoryMib(),
            hardware.processor(),
            bootOrder(),
            "menu".equals(boot),
            kernel,
            append,
            initrd,
            bios,
            vgaBios,
            overlay,
            write,
            clockMode(),
            dateTime(),
            exitPort,
            processors(),
            speed(),
            pflash.isEmpty() ? null : pflash.getFirst(),
            pflash.size() < 2 ? null : pflash.get(1),
            Answers.none());
    if (!headless) {
      return Window.run(request);
    }
    Duration limit = timeout == null ? null : duration(timeout);
    return new HeadlessRun(
            request,
            steps,
            timedShots,
            serial,
            debugcon,
            limit,
            quiet,
            traces.contains(Trace.translate),
            out,
            err)
        .run();
  }

  private record Hardware(int memoryMib, String processor) {}

  /** What was asked for, and for the rest what fits; nothing is looked at when all was. */
  private Hardware hardware() {
    if (memory != null && cpu != null) {
      return new Hardware(memory, cpu);
    }
    Preset fitting = fitting();
    return new Hardware(
        memory != null ? memory : fitting.memoryMib(), cpu != null ? cpu : fitting.processor());
  }

  /** The hardware for the system that is in the image, as far as anybody can tell. */
  private Preset fitting() {
    Presets presets = Presets.load();
    if (image == null) {
      return presets.orUnknown(null);
    }
    try {
      return presets.orUnknown(ImageSummary.of(image).preset());
    } catch (IOException _) {
      // What is wrong with it is said when it is opened to run.
      return presets.orUnknown(null);
    }
  }

  private List<BootDevice> bootOrder() {
    if (boot == null || boot.equals("menu")) {
      return List.of();
    }
    List<BootDevice> order = new ArrayList<>();
    for (char letter : boot.toLowerCase(Locale.ROOT).toCharArray()) {
      order.add(
          switch (letter) {
            case 'a' -> BootDevice.FLOPPY;
            case 'c' -> BootDevice.HARD_DISK;
            case 'd' -> BootDevice.CD;
            default ->
                throw mistake(
                    "--boot takes the letters a, c and d, or menu, not \"" + boot + "\".");
          });
    }
    return order;
  }

  private int processors() {
    if (processors < 1 || processors > MachineConfig.MOST_PROCESSORS) {
      throw mistake("--cpus takes 1 to " + MachineConfig.MOST_PROCESSORS + ".");
    }
    return processors;
  }

  private Speed speed() {
    return switch (speed) {
      case "386" -> Speed.I386;
      case "486" -> Speed.I486;
      case "pentium" -> Speed.PENTIUM;
      case "full" -> Speed.FULL;
      default -> throw mistake("--speed takes 386, 486, pentium or full, not \"" + speed + "\".");
    };
  }

  private Clock clockMode() {
    return switch (clock) {
      case "host" -> Clock.HOST;
      case "instructions" -> Clock.INSTRUCTIONS;
      default -> throw mistake("--clock takes host or instructions, not \"" + clock + "\".");
    };
  }

  private @Nullable LocalDateTime dateTime() {
    if (date == null) {
      return null;
    }
    try {
      return date.contains("T")
          ? LocalDateTime.parse(date)
          : LocalDateTime.parse(date + "T12:00:00");
    } catch (DateTimeParseException _) {
      throw mistake(
          "--date takes a date such as 1999-12-31 or 1999-12-31T23:59:00, not \"" + date + "\".");
    }
  }

  private Duration duration(double seconds) {
    if (!(seconds >= 0 && seconds < 1e9)) {
      throw mistake("A time in seconds is needed, not " + seconds + ".");
    }
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private ParameterException mistake(String sentence) {
    if (spec == null) {
      throw new IllegalStateException(sentence);
    }
    return new ParameterException(spec.commandLine(), sentence);
  }

  private static String unescape(String text) {
    StringBuilder plain = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && i + 1 < text.length()) {
        i++;
        plain.append(
            switch (text.charAt(i)) {
              case 'n' -> "\n";
              case 't' -> "\t";
              case 'e' -> "\u001b";
              case 'b' -> "\b";
              case '\\' -> "\\";
              default -> "\\" + text.charAt(i);
            });
      } else {
        plain.append(c);
      }
    }
    return plain.toString();
  }
}
