package io.satchel.image.cli;

import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the commands have in common. */
abstract class ImageCommand implements Callable<Integer> {
  private static final String BACKING = "backing.";
  private static final Pattern KEY = Pattern.compile("((?:backing\\.)*)(?:encrypt\\.)?key-secret");

  final Terminal terminal;

  @Option(
      names = {"-h", "--help"},
      order = 99,
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(names = "-f", order = 91, paramLabel = "FORMAT", description = "The image's format.")
  @Nullable String format;

  @Option(names = "-q", order = 92, description = "Say nothing but errors.")
  boolean quiet;

  @Option(
      names = "-U",
      order = 93,
      description = "Look at an image although it is in use; it may change meanwhile.")
  boolean share;

  @Option(
      names = "--image-opts",
      order = 94,
      description = "Images are given as driver=FORMAT,file.filename=FILE.")
  boolean imageOptions;

  @Option(
      names = "--object",
      order = 95,
      paramLabel = "secret,id=NAME,file=FILE",
      description = "A pass phrase, which options then name: key-secret=NAME.")
  @Nullable List<String> objects;

  @Option(
      names = "--backing-anywhere",
      order = 96,
      description = "Open every backing file wherever it lies, not only the first one.")
  boolean backingAnywhere;

  /** What -f says to this command. */
  String formatHelp() {
    return "The image's format; recognised by its content when not given.";
  }

  ImageCommand(Terminal terminal) {
    this.terminal = terminal;
  }

  /**
   * An image as the command line names it.
   *
   * @param keys the names of the secrets that unlock it and its backing files
   */
  record Named(Path path, @Nullable String format, Map<Integer, String> keys) {}

  /** The secrets that the command line defines. */
  Secrets secrets() throws IOException {
    return SecretObjects.read(objects);
  }

  Named named(String argument, @Nullable String givenFormat) {
    return named(argument, givenFormat, imageOptions);
  }

  static Named named(String argument, @Nullable String givenFormat, boolean byOptions) {
    if (!byOptions) {
      String plain = argument.startsWith("file:") ? argument.substring(5) : argument;
      return new Named(Path.of(plain), givenFormat, Map.of());
    }
    Map<String, String> options = parseOptions(List.of(argument));
    String driver = options.remove("driver");
    String file = options.remove("file.filename");
    if (file == null) {
      file = options.remove("filename");
    }
    options.remove("file.driver");
    Map<Integer, String> keys = new HashMap<>();
    options
        .entrySet()
        .removeIf(
            option -> {
              Matcher key = KEY.matcher(option.getKey());
              if (key.matches()) {
                keys.put(key.group(1).length() / BACKING.length(), option.getValue());
              }
              return key.matches();
            });
    options.remove("encrypt.format");
    if (file == null || !options.isEmpty()) {
      throw new UsageException("Cannot understand the image options '" + argument + "'");
    }
    return new Named(Path.of(file), "file".equals(driver) ? "raw" : driver, keys);
  }

  OpenOptions options(Named named, boolean writable) throws IOException {
    return new OpenOptions(
        writable,
        named.format(),
        // The command line is the user's own; he may name images that lie anywhere.
        backingAnywhere ? BackingPolicy.ANYWHERE : BackingPolicy.OVERLAY,
        !share,
        CacheMode.WRITEBACK,
        keys(named),
        Answers.none(),
        UnaryOperator.identity());
  }

  OpenedImage open(String argument, @Nullable String givenFormat, boolean writable)
      throws IOException {
    Named named = named(argument, givenFormat);
    return Images.open(named.path(), options(named, writable));
  }

  /** The pass phrases of an image and its backing files. */
  OpenOptions.Keys keys(Named named) throws IOException {
    Secrets all = secrets();
    Map<Integer, byte[]> keys = new HashMap<>();
    for (Map.Entry<Integer, String> key : named.keys().entrySet()) {
      keys.put(key.getKey(), all.get(named.path().toString(), key.getValue()));
    }
    return new OpenOptions.Keys(keys, true);
  }

  static CacheMode cacheMode(String word) {
    return switch (word) {
      case "writeback" -> CacheMode.WRITEBACK;
      case "none" -> CacheMode.NONE;
      case "writethrough", "directsync" -> CacheMode.WRITETHROUGH;
      case "unsafe" -> CacheMode.UNSAFE;
      default -> throw new UsageException("Invalid cache option: " + word);
    };
  }

  /** The options of repeated -o: name=value, separated by commas; a double comma is one. */
  static Map<String, String> parseOptions(@Nullable List<String> given) {
    Map<String, String> all = new LinkedHashMap<>();
    if (given == null) {
      return all;
    }
    for (String text : given) {
      List<String> parts = new ArrayList<>();
      StringBuilder part = new StringBuilder();
      for (int i = 0; i < text.length(); i++) {
        if (text.charAt(i) != ',') {
          part.append(text.charAt(i));
        } else if (i + 1 < text.length() && text.charAt(i + 1) == ',') {
          part.append(',');
          i++;
        } else {
          parts.add(part.toString());
          part.setLength(0);
        }
      }
      parts.add(part.toString());
      for (String p : parts) {
        int equals = p.indexOf('=');
        if (!p.isEmpty()) {
          all.put(
              equals < 0 ? p : p.substring(0, equals), equals < 0 ? "on" : p.substring(equals + 1));
        }
      }
    }
    return all;
  }

  static long size(String text) {
    long size = OptionReader.parseSize(text);
    if (size < 0) {
      throw new UsageException(
          "Invalid image size specified. You may use k, M, G, T, P or E suffixes for "
              + "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    }
    return size;
  }

  static Qcow2Device qcow2(OpenedImage image, String what) throws ImageException {
    if (image.chain().getFirst().device() instanceof Qcow2Device device) {
      return device;
    }
    throw new ImageException(
        ImageException.Kind.UNSUPPORTED,
        image.path(),
        "is of the format " + image.format() + ", which has no " + what,
        "convert it to qcow2");
  }

  void say(String text) {
    if (!quiet) {
      terminal.out.println(text);
    }
  }
}
