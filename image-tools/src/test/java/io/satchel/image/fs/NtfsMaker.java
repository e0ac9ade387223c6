package io.satchel.image.fs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Puts files and folders into an NTFS volume by the library of ntfs-3g, which mkntfs uses too. */
public final class NtfsMaker implements AutoCloseable {
  private static final int DATA = 0x80;
  private static final int REGULAR = 0x8000;
  private static final int DIRECTORY = 0x4000;

  /** What is used of libntfs-3g; see its dir.h, inode.h, attrib.h and volume.h. */
  public interface Ntfs extends Library {
    Pointer ntfs_mount(String name, long flags);

    int ntfs_umount(Pointer volume, int force);

    @Nullable Pointer ntfs_pathname_to_inode(Pointer volume, @Nullable Pointer parent, String path);

    Pointer ntfs_create(Pointer dir, int security, byte[] name, byte length, int type);

    int ntfs_inode_close(Pointer inode);

    Pointer ntfs_attr_open(Pointer inode, int type, @Nullable Pointer name, int length);

    long ntfs_attr_pwrite(Pointer attribute, long at, long count, byte[] bytes);

    int ntfs_attr_pclose(Pointer attribute);

    void ntfs_attr_close(Pointer attribute);
  }

  private final Ntfs ntfs;
  private final Pointer volume;

  /** Opens a volume; skips the test where the library is not installed. */
  public NtfsMaker(Path disk) {
    @Nullable Ntfs loaded = null;
    for (String name : List.of("libntfs-3g.so.89", "ntfs-3g")) {
      try {
        loaded = loaded == null ? Native.load(name, Ntfs.class) : loaded;
      } catch (UnsatisfiedLinkError e) {
        continue;
      }
    }
    assumeTrue(loaded != null, "libntfs-3g is not installed");
    ntfs = Objects.requireNonNull(loaded);
    volume = ntfs.ntfs_mount(disk.toString(), 0);
    assertThat(volume).isNotNull();
  }

  /** Makes a folder, and those above it. */
  public void directory(String path) {
    Pointer there = ntfs.ntfs_pathname_to_inode(volume, null, path);
    if (there != null) {
      ntfs.ntfs_inode_close(there);
      return;
    }
    String above = above(path);
    if (!above.isEmpty()) {
      directory(above);
    }
    ntfs.ntfs_inode_close(create(path, DIRECTORY));
  }

  private static String above(String path) {
    return path.substring(0, Math.max(0, path.lastIndexOf('/')));
  }

  private Pointer create(String path, int type) {
    String above = above(path);
    Pointer parent = ntfs.ntfs_pathname_to_inode(volume, null, above.isEmpty() ? "/" : above);
    assertThat(parent).as(above).isNotNull();
    String name = path.substring(path.lastIndexOf('/') + 1);
    Pointer made =
        ntfs.ntfs_create(
            parent, 0, name.getBytes(StandardCharsets.UTF_16LE), (byte) name.length(), type);
    assertThat(made).as(path).isNotNull();
    ntfs.ntfs_inode_close(parent);
    return made;
  }

  /** Makes a file, and the folders above it. */
  public void file(String path, byte[] bytes) {
    if (!above(path).isEmpty()) {
      directory(above(path));
    }
    Pointer inode = create(path, REGULAR);
    Pointer data = ntfs.ntfs_attr_open(inode, DATA, null, 0);
    assertThat(data).isNotNull();
    int chunk = 1 << 16;
    for (int at = 0; at < bytes.length; at += chunk) {
      byte[] part = Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + chunk));
      assertThat(ntfs.ntfs_attr_pwrite(data, at, part.length, part)).isEqualTo(part.length);
    }
    ntfs.ntfs_attr_pclose(data);
    ntfs.ntfs_attr_close(data);
    ntfs.ntfs_inode_close(inode);
  }

  @Override
  public void close() {
    assertThat(ntfs.ntfs_umount(volume, 0)).isZero();
  }
}
