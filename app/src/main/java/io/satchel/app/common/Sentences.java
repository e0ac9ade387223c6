package io.satchel.app.common;

import io.satchel.image.block.ImageException;
import io.satchel.resources.Particulars;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Locale;

/** What an error means to a person: which file, what is wrong, what to do. */
public final class Sentences {

  private Sentences() {}

  /**
   * The same for a reader of {@code texts}: who does not read English gets what happened, to which
   * file and what to do in their own language, with the particulars as they are where there is no
   * text for them.
   */
  public static String of(Texts texts, IOException problem) {
    String english = of(problem);
    if (!texts.chinese() || problem instanceof Said) {
      return english;
    }
    if (problem instanceof ImageException image) {
      String key = "error.kind." + image.kind().name().toLowerCase(Locale.ROOT);
      String particulars =
          Particulars.chinese()
              .of(image.problem())
              .map(clause -> image.file() + " " + clause + "。")
              .orElse(english);
      return texts.get(key, image.file()) + "\n" + texts.get("error.particulars", particulars);
    }
    if (problem instanceof FileSystemException file && file.getFile() != null) {
      String key =
          switch (file) {
            case NoSuchFileException _ -> "error.kind.missing";
            case AccessDeniedException _ -> "error.kind.unreadable";
            case FileAlreadyExistsException _ -> "error.kind.exists";
            default -> "error.kind.other";
          };
      return texts.get(key, file.getFile()) + "\n" + texts.get("error.particulars", english);
    }
    return texts.get("error.plain") + "\n" + texts.get("error.particulars", english);
  }

  /**
   * One sentence. The program's own errors carry it as their message; the host's name only the
   * file, so that the rest is added here.
   */
  public static String of(IOException problem) {
    return switch (problem) {
      case NoSuchFileException e -> e.getFile() + " does not exist; check its name and folder.";
      case AccessDeniedException e ->
          e.getFile() + " may not be opened or written by you; change its permissions.";
      case FileAlreadyExistsException e -> e.getFile() + " exists already; choose another name.";
      case NotDirectoryException e -> e.getFile() + " is not a folder; choose another place.";
      case DirectoryNotEmptyException e -> e.getFile() + " is a folder; choose a file.";
      case FileSystemException e when e.getReason() != null ->
          e.getFile() + " cannot be used: " + e.getReason() + ".";
      default -> {
        String message = problem.getMessage();
        yield message == null
            ? "The disk reported an error (" + problem.getClass().getSimpleName() + "); try again."
            : message;
      }
    };
  }
}
