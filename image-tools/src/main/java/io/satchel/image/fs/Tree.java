package io.satchel.image.fs;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds files by their paths; a file system only tells what its directories hold.
 *
 * @param <N> what the file system knows a file by
 */
abstract class Tree<N> implements FileSystem {
  /** As many as Linux follows. */
  private static final int MAX_LINKS = 40;

  /** More names than a directory that is no mistake has. */
  static final int MAX_ENTRIES = 1 << 21;

  /** The longest link text. */
  static final int MAX_LINK = 65_536;

  /**
   * A name in a directory.
   *
   * @param hidden a file of the file system's own, found by name but not listed
   */
  record Child<N>(String name, N node, boolean hidden) {}

  abstract N root() throws IOException;

  /** Everything in a directory but "." and "..". */
  abstract List<Child<N>> children(N directory) throws IOException;

  abstract Entry entry(String name, N node) throws IOException;

  abstract Content content(N file) throws IOException;

  /** Whether upper and lower case are the same name. */
  abstract boolean ignoresCase();

  @Override
  public final List<Entry> list(String path) throws IOException {
    N directory = find(path, true);
    Entry self = entry("", directory);
    if (self.type() != Type.DIRECTORY) {
      return List.of(entry(lastName(path), directory));
    }
    List<Entry> all = new ArrayList<>();
    for (Child<N> child : children(directory)) {
      if (!child.hidden()) {
        all.add(entry(child.name(), child.node()));
      }
    }
    return all;
  }

  @Override
  public final Entry attributes(String path) throws IOException {
    return entry(lastName(path), find(path, false));
  }

  @Override
  public final Content open(String path) throws IOException {
    N file = find(path, true);
    Entry entry = entry(lastName(path), file);
    if (entry.type() == Type.DIRECTORY) {
      throw new ImageException(Kind.DIRECTORY, path, "is a directory", "name a file in it");
    }
    if (entry.type() != Type.FILE) {
      throw new ImageException(
          Kind.UNSUPPORTED, path, "is a device or a link that leads nowhere", "name a file");
    }
    return content(file);
  }

  private static String lastName(String path) {
    String plain = path.replaceAll("/+$", "");
    return plain.substring(plain.lastIndexOf('/') + 1);
  }

  private N find(String path, boolean followLast) throws IOException {
    Deque<String> parts = new ArrayDeque<>(Arrays.asList(path.split("/")));
    Deque<N> trail = new ArrayDeque<>();
    trail.push(root());
    int links = 0;
    while (!parts.isEmpty()) {
      String part = parts.pop();
      if (part.isEmpty() || part.equals(".")) {
        continue;
      }
      if (part.equals("..")) {
        if (trail.size() > 1) {
          trail.pop();
        }
        continue;
      }
      N next = child(trail.element(), part);
      if (next == null) {
        throw missing(path);
      }
      String link = followLast || !parts.isEmpty() ? entry(part, next).link() : null;
      if (link == null) {
        trail.push(next);
        continue;
      }
      if (++links > MAX_LINKS) {
        throw new ImageException(
            Kind.CORRUPT, path, "leads through symbolic links in a circle", "name the file itself");
      }
      if (link.startsWith("/")) {
        N root = root();
        trail.clear();
        trail.push(root);
      }
      String[] more = link.split("/");
      for (int i = more.length - 1; i >= 0; i--) {
        parts.push(more[i]);
      }
    }
    return trail.element();
  }

  private @Nullable N child(N directory, String name) throws IOException {
    if (entry("", directory).type() != Type.DIRECTORY) {
      return null;
    }
    N similar = null;
    for (Child<N> child : children(directory)) {
      if (child.name().equals(name)) {
        return child.node();
      }
      if (ignoresCase() && child.name().equalsIgnoreCase(name)) {
        similar = child.node();
      }
    }
    return similar;
  }

  private static ImageException missing(String path) {
    return new ImageException(
        Kind.MISSING, path, "is not in the image", "look with ls what there is");
  }
}
