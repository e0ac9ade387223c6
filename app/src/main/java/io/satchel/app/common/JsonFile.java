package io.satchel.app.common;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The program's own files: readable JSON with a version, replaced in one step, the previous one
 * kept beside it.
 */
public final class JsonFile {

  /** What the file that was replaced last is called. */
  public static final String PREVIOUS = ".previous";

  /** No file of ours is near this; a larger one is not ours. */
  private static final long LARGEST = 1 << 20;

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .disable(DateTimeFeature.WRITE_DATES_AS_TIMESTAMPS)
          .enable(JsonReadFeature.ALLOW_JAVA_COMMENTS)
          .build();

  private JsonFile() {}

  /** A file that cannot be taken as it is. */
  public static final class BadFile extends Problem {
    private static final long serialVersionUID = 1L;
    private final boolean newer;

    BadFile(boolean newer, String key, Object... arguments) {
      super(key, arguments);
      this.newer = newer;
    }

    /** Whether a newer version of the program wrote it. */
    public boolean newer() {
      return newer;
    }
  }

  /**
   * Reads a record.
   *
   * @param version the newest version of its form that is understood
   * @throws BadFile if it is broken or newer, in one sentence
   */
  public static <T> T read(Path file, Class<T> type, int version) throws IOException {
    if (Files.size(file) > LARGEST) {
      throw new BadFile(false, "problem.own.large", file);
    }
    return parse(Files.readString(file), file.toString(), type, version);
  }

  /** As {@link #read}, from text that {@code name} is given to in errors. */
  public static <T> T parse(String text, String name, Class<T> type, int version) throws BadFile {
    try {
      JsonNode tree = MAPPER.readTree(text);
      JsonNode written = tree.get("version");
      if (written == null || !written.isInt()) {
        throw new BadFile(false, "problem.own.version", name);
      }
      if (written.intValue() > version) {
        throw new BadFile(true, "problem.own.newer", name, written.intValue(), version);
      }
      return MAPPER.treeToValue(tree, type);
    } catch (JacksonException e) {
      var where = e.getLocation();
      int line = where == null ? 0 : where.getLineNr();
      throw line > 0
          ? new BadFile(false, "problem.own.line", name, e.getOriginalMessage(), line)
          : new BadFile(false, "problem.own.broken", name, e.getOriginalMessage());
    }
  }

  /** The text that {@link #write} writes. */
  public static String text(Object value) {
    return MAPPER.writeValueAsString(value).replace("\r\n", "\n") + "\n";
  }

  /**
   * Writes a record: at every moment either the old file or the new one is there, whole. The old
   * one stays under its name with {@link #PREVIOUS}.
   */
  public static void write(Path file, Object value) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    byte[] bytes = text(value).getBytes(StandardCharsets.UTF_8);
    try (FileChannel channel =
        FileChannel.open(
            fresh,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer all = ByteBuffer.wrap(bytes);
      while (all.hasRemaining()) {
        channel.write(all);
      }
      channel.force(true);
    }
    if (Files.exists(file)) {
      Path copy = file.resolveSibling(file.getFileName() + PREVIOUS + ".new");
      Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
      move(copy, previous(file));
    }
    move(fresh, file);
  }

  /** Where {@link #write} keeps what it replaced. */
  public static Path previous(Path file) {
    return file.resolveSibling(file.getFileName() + PREVIOUS);
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
