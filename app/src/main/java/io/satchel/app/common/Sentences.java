package io.satchel.app.common;

import io.satchel.image.block.ImageException;
import io.satchel.resources.Particulars;
import io.satchel.resources.Texts;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What an error means to a person: which file, what is wrong, what to do. */
public final class Sentences {

  /** How a host that is asked in C's locale names what it refuses, and what that is called here. */
  private record Refusal(Pattern said, String key) {}

  private static final List<Refusal> REFUSALS =
      List.of(
          refusal("no space left|disk quota|not enough space|file too large", "no_space"),
          refusal("read-only file system|write.protected", "read_only"),
          refusal("permission denied|operation not permitted|access is denied", "unreadable"),
          refusal("no such file|cannot find the (file|path)", "missing"),
          refusal("is a directory", "directory"),
          refusal("not a directory", "not_directory"),
          refusal("file exists", "exists"),
          refusal("file ?name too long|filename.*is too long", "long_name"),
          refusal("too many open files", "many_files"),
          refusal("resource busy|text file busy|used by another process", "in_use"),
          refusal("input/output error|i/o error|stale file handle|device error", "broken_device"));

  /** The message of a {@link FileNotFoundException}: the file, and the host's reason. */
  private static final Pattern NOT_FOUND = Pattern.compile("(.+) \\((.+)\\)");

  private Sentences() {}

  private static Refusal refusal(String said, String key) {
    return new Refusal(Pattern.compile(said, Pattern.CASE_INSENSITIVE), key);
  }

  /** One sentence in English, for the command line. */
  public static String of(IOException problem) {
    return of(new Texts(Locale.ENGLISH), problem);
  }

  /**
   * What happened, to which file and what to do, for a reader of {@code texts}. The libraries speak
   * English; who does not read it gets their particulars as they are where there is no text for
   * them.
   */
  public static String of(Texts texts, IOException problem) {
    return switch (problem) {
      case Problem own -> own.in(texts);
      case ImageException image -> image(texts, image);
      default -> host(texts, problem);
    };
  }

  private static String image(Texts texts, ImageException image) {
    String english = image.getMessage();
    if (!texts.chinese()) {
      return english;
    }
    String key = "error.kind." + image.kind().name().toLowerCase(Locale.ROOT);
    String particulars =
        Particulars.chinese()
            .of(image.problem())
            .map(clause -> image.file() + " " + clause + "。")
            .orElse(english);
    return texts.get(key, image.file()) + "\n" + texts.get("error.particulars", particulars);
  }

  /** What the host refused. */
  private static String host(Texts texts, IOException problem) {
    String message = problem.getMessage();
    String reason = problem instanceof FileSystemException system ? system.getReason() : message;
    String file = problem instanceof FileSystemException system ? system.getFile() : null;
    if (problem instanceof FileNotFoundException && message != null) {
      Matcher named = NOT_FOUND.matcher(message);
      if (named.matches()) {
        file = named.group(1);
        reason = named.group(2);
      }
    }
    String key = kind(problem, reason);
    if (key != null && file != null) {
      return texts.get("error.kind." + key, file);
    }
    if (key != null) {
      return texts.get("error.host." + key);
    }
    if (file != null) {
      return reason == null
          ? texts.get("error.kind.other", file)
          : texts.get("error.kind.reason", file, reason);
    }
    if (message == null) {
      return texts.get("error.host.unnamed", problem.getClass().getSimpleName());
    }
    return texts.chinese()
        ? texts.get("error.plain") + "\n" + texts.get("error.particulars", message)
        : message;
  }

  private static @Nullable String kind(IOException problem, @Nullable String reason) {
    return switch (problem) {
      case NoSuchFileException _ -> "missing";
      case AccessDeniedException _ -> "unreadable";
      case FileAlreadyExistsException _ -> "exists";
      case NotDirectoryException _ -> "not_directory";
      case DirectoryNotEmptyException _ -> "directory";
      default ->
          Optional.ofNullable(reason).stream()
              .flatMap(
                  said -> REFUSALS.stream().filter(refusal -> refusal.said.matcher(said).find()))
              .findFirst()
              .map(Refusal::key)
              .orElse(null);
    };
  }
}
