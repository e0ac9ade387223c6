package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.luks.EncryptedImage;
import io.satchel.image.format.luks.LuksHeader;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code amend}: changes what an image is like, without copying it. */
@Command(name = "amend", description = "Changes an image's options without copying it.")
final class AmendCommand extends ImageCommand {
  @Option(
      names = "-o",
      paramLabel = "NAME=VALUE,...",
      required = true,
      description = {
        "compat, lazy_refcounts, refcount_bits, size, backing_file, backing_fmt;",
        "for LUKS state, new-secret, old-secret, keyslot, iter-time (qcow2: encrypt.state, ...)."
      })
  @Nullable List<String> options;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(
      names = "-t",
      paramLabel = "CACHE",
      description = "What a flush waits for: none, writeback, writethrough, directsync, unsafe.")
  String cache = "writeback";

  @Option(names = "--force", description = "Do what is dangerous, too.")
  boolean force;

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  private static Predicate<String> isKeyOption(String prefix) {
    List<String> names = List.of("state", "new-secret", "old-secret", "keyslot", "iter-time");
    return option -> names.stream().anyMatch(name -> option.equals(prefix + name));
  }

  /** Adds a pass phrase to the key slots, or erases slots. */
  private void changeKeys(byte[] key, LuksHeader luks, OptionReader reader, String prefix)
      throws IOException {
    Secrets all = secrets();
    String state = reader.textOrNull(prefix + "state");
    String newSecret = reader.textOrNull(prefix + "new-secret");
    String oldSecret = reader.textOrNull(prefix + "old-secret");
    int slot = (int) Math.min(8, number(reader.text(prefix + "keyslot", "-1")));
    long time = number(reader.text(prefix + "iter-time", "2000"));
    reader.accept(prefix + "format");
    reader.end();
    if ("active".equals(state)) {
      if (newSecret == null) {
        throw new UsageException("'new-secret' is required to activate a keyslot");
      }
      byte[] unlocked = oldSecret == null ? key : luks.unlock(all.get(image, oldSecret));
      luks.addPassphrase(unlocked, all.get(image, newSecret), slot, time, force);
    } else if ("inactive".equals(state)) {
      if (newSecret != null) {
        throw new UsageException("'new-secret' must not be given when erasing keyslots");
      }
      if (oldSecret != null) {
        luks.erase(all.get(image, oldSecret), force);
      } else if (slot >= 0) {
        luks.erase(slot, force);
      } else {
        throw new UsageException(
            "To erase keyslot(s), either explicit keyslot index or old-secret" + " must be given");
      }
    } else {
      throw new UsageException("Parameter 'state' is to be active or inactive");
    }
  }

  private static long number(String text) {
    if (!text.matches("-1|[0-9]{1,9}")) {
      throw new UsageException("'" + text + "' is not a number");
    }
    return Long.parseLong(text);
  }

  AmendCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    var given = parseOptions(options);
    try (OpenedImage opened = open(image, format, true)) {
      if (opened.chain().getFirst().device() instanceof EncryptedImage encrypted) {
        String prefix = opened.format().equals("luks") ? "" : "encrypt.";
        LuksHeader luks = encrypted.luks();
        if (luks != null && given.keySet().stream().anyMatch(isKeyOption(prefix))) {
          changeKeys(encrypted.masterKey(), luks, new OptionReader(image, given), prefix);
          opened.device().flush();
          return 0;
        }
      }
      Qcow2Device device = qcow2(opened, "options to change");
      OptionReader reader = new OptionReader(image, given);
      String compat = reader.textOrNull("compat");
      boolean lazy = given.containsKey("lazy_refcounts");
      boolean lazyOn = reader.flag("lazy_refcounts", false);
      long refcountBits = reader.size("refcount_bits", 0);
      String backing = reader.textOrNull("backing_file");
      String backingFormat = reader.textOrNull("backing_fmt");
      reader.end();
      if ("1.1".equals(compat) || "v3".equals(compat)) {
        device.amend().upgrade();
      }
      if (refcountBits > 0) {
        device.amend().setRefcountBits(refcountBits);
      }
      if (lazy) {
        device.amend().setLazyRefcounts(lazyOn);
      }
      if (given.containsKey("size")) {
        device.resize(size(given.get("size")));
      }
      if (backing != null || backingFormat != null) {
        var old = device.backing();
        String name = backing != null ? backing : old == null ? null : old.name();
        String kind = backingFormat != null ? backingFormat : old == null ? null : old.format();
        device.amend().setBacking(name == null || name.isEmpty() ? null : name, kind);
      }
      if ("0.10".equals(compat) || "v2".equals(compat)) {
        device.amend().downgrade();
      } else if (compat != null && !List.of("1.1", "v3").contains(compat)) {
        throw new UsageException("Unknown compatibility level " + compat);
      }
    }
    return 0;
  }
}
