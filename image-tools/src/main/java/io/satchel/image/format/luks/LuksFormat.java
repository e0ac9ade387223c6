package io.satchel.image.format.luks;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.crypt.EncryptedStorage;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.Preallocation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** An encrypted disk behind a LUKS header. */
public final class LuksFormat implements ImageFormat {
  @Override
  public String name() {
    return "luks";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return LuksHeader.probe(head);
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    return open(file, purpose, Passphrase.none());
  }

  @Override
  public LuksDevice open(Storage file, Purpose purpose, Passphrase passphrase) throws IOException {
    LuksHeader header = LuksHeader.read(file, 0, file.size());
    if (header.payloadOffset() > file.size()) {
      throw new ImageException(
          Kind.TRUNCATED,
          file.name(),
          "is cut short: its disk lies past its end",
          "download or copy it again",
          104,
          null);
    }
    byte[] secret = passphrase.bytes();
    if (secret == null) {
      if (passphrase.needed()) {
        throw locked(file);
      }
      return new LuksDevice(file, header, null, null);
    }
    byte[] key = header.unlock(secret);
    return new LuksDevice(
        file, header, key, new EncryptedStorage(file, header.cipher(key), header.payloadOffset()));
  }

  /** What an encrypted image says without its pass phrase. */
  public static ImageException locked(Storage file) {
    return new ImageException(
        Kind.ENCRYPTED,
        file.name(),
        "is encrypted",
        "give its password: --object secret,id=NAME,file=FILE and --image-opts with "
            + "key-secret=NAME, for qcow2 encrypt.key-secret=NAME");
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>(LuksOptions.help(""));
    all.put("preallocation", "Preallocation mode (allowed values: off, metadata, falloc, full)");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options, Secrets secrets)
      throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    LuksOptions how = LuksOptions.read(file.name(), reader, "");
    String id = reader.textOrNull("key-secret");
    reader.accept("preallocation");
    reader.end();
    if (id == null) {
      throw OptionReader.impossible(file.name(), "needs a pass phrase: key-secret=NAME");
    }
    LuksHeader header = LuksHeader.create(file, 0, how, secrets.get(file.name(), id));
    long end = header.payloadOffset() + Math.ceilDiv(size, 512) * 512;
    file.setSize(end);
    Preallocation.of(file, options).apply(file, header.payloadOffset(), end);
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    create(file, size, options, Secrets.none());
  }
}
