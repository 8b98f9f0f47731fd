// The memory channels of all lanes: runs of stripes become beats, and words of lanes half beats,
// which are written: of the cache or of logits.
module memory_array #(
  parameter int unsigned Lanes      = 4,
  parameter int unsigned Slots      = 4,
  parameter int unsigned BurstBeats = 64,
  parameter int unsigned BufferBeats = 512,
  parameter int unsigned AddressW   = 40,
  localparam int unsigned BeatW    = accllm_pkg::BeatBytes * 8,
  localparam int unsigned StrobeW  = accllm_pkg::BeatBytes / 2,
  localparam int unsigned StripesW = ctrl_pkg::StripesW,
  localparam int unsigned RoundW   = ctrl_pkg::RoundW,
  localparam int unsigned SlotW    = $clog2(Slots),
  localparam int unsigned CountW   = $clog2(BufferBeats) + 1
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     core_rst_ni,    // of what is given up with a pass
  input  logic [64*Lanes-1:0]      base_i,         // [lane]
  // Runs of beats: of instructions in the first channel, or of stripes.
  input  logic                     program_valid_i,
  input  logic [63:0]              program_i,      // address
  input  logic [StripesW-1:0]      program_beats_i,
  input  logic                     command_valid_i,
  output logic                     ready_o,        // of all channels, for a command
  output logic                     program_ready_o,
  input  logic [31:0]              stripe_i,
  input  logic [StripesW-1:0]      stripes_i,
  output logic [Lanes-1:0]         valid_o,
  output logic [BeatW*Lanes-1:0]   beat_o,
  input  logic                     takes_all_i,    // they do not go to the lanes' buffers
  input  logic [CountW-1:0]        freed_i,        // that have left these, of each lane
  // Words of the cache.
  input  logic                     stores_i,       // they come, not logits
  input  logic                     store_valid_i,
  input  logic                     store_last_i,
  input  logic [32*Lanes-1:0]      store_word_i,
  input  logic [31:0]              store_stripe_i,
  input  logic                     store_is_upper_i,
  input  logic [Lanes-1:0]         store_lanes_i,
  input  logic [StrobeW-1:0]       store_strobe_i,
  output logic                     store_taken_o,
  // Logits: a tile's place, then its rows.
  input  logic [31:0]              logits_i,       // first stripe of the first token's
  input  logic [RoundW-1:0]        rounds_i,       // of a token
  input  logic                     tile_i,
  input  logic [SlotW-1:0]         tile_token_i,
  input  logic [RoundW-1:0]        tile_round_i,
  input  logic                     row_valid_i,
  input  logic                     row_last_i,
  input  logic [32*Lanes-1:0]      row_i,
  output logic                     tile_taken_o,
  // State.
  output logic                     written_o,      // nothing is on its way to memory
  output logic                     idle_o,
  output logic [Lanes-1:0]         read_errors_o,
  output logic [Lanes-1:0]         write_errors_o,
  input  logic                     error_clear_i,
  // AXI, as accllm_top has it.
  output logic [Lanes-1:0]         m_ar_valid_o,
  input  logic [Lanes-1:0]         m_ar_ready_i,
  output logic [64*Lanes-1:0]      m_ar_address_o,
  output logic [8*Lanes-1:0]       m_ar_length_o,
  input  logic [Lanes-1:0]         m_r_valid_i,
  output logic [Lanes-1:0]         m_r_ready_o,
  input  logic [BeatW*Lanes-1:0]   m_r_data_i,
  input  logic [2*Lanes-1:0]       m_r_response_i,
  input  logic [Lanes-1:0]         m_r_last_i,
  output logic [Lanes-1:0]         m_aw_valid_o,
  input  logic [Lanes-1:0]         m_aw_ready_i,
  output logic [64*Lanes-1:0]      m_aw_address_o,
  output logic [Lanes-1:0]         m_w_valid_o,
  input  logic [Lanes-1:0]         m_w_ready_i,
  output logic [BeatW*Lanes-1:0]   m_w_data_o,
  output logic [BeatW/8*Lanes-1:0] m_w_strobe_o,
  input  logic [Lanes-1:0]         m_b_valid_i,
  output logic [Lanes-1:0]         m_b_ready_o,
  input  logic [2*Lanes-1:0]       m_b_response_i
);
  localparam int unsigned TileW = BeatW / 2;

  // Half beats.
  logic [31:0]            logit_stripe, write_stripe;
  logic                   logit_is_upper, write_is_upper, taken;
  logic [Lanes-1:0]       write_valid, write_ready, written, idle, command_ready;
  logic [StrobeW-1:0]     write_strobe;
  logic [TileW*Lanes-1:0] tiles;
  assign store_taken_o = taken && stores_i;
  assign tile_taken_o  = taken && !stores_i;
  logit_place #(.Slots(Slots)) u_logits (
    .clk_i, .address_i(logits_i), .rounds_i, .tile_i, .tile_token_i, .tile_round_i,
    .stripe_o(logit_stripe), .is_upper_o(logit_is_upper)
  );
  tile_writer #(.Lanes(Lanes)) u_writer (
    .clk_i, .rst_ni(core_rst_ni), .word_valid_i(stores_i ? store_valid_i : row_valid_i),
    .last_i(stores_i ? store_last_i : row_last_i), .word_i(stores_i ? store_word_i : row_i),
    .stripe_i(stores_i ? store_stripe_i : logit_stripe),
    .is_upper_i(stores_i ? store_is_upper_i : logit_is_upper),
    .lanes_i(stores_i ? store_lanes_i : '1), .strobe_i(stores_i ? store_strobe_i : '1),
    .taken_o(taken), .valid_o(write_valid), .ready_i(write_ready), .stripe_o(write_stripe),
    .is_upper_o(write_is_upper), .tile_o(tiles), .strobe_o(write_strobe)
  );

  assign ready_o         = &command_ready;
  assign program_ready_o = command_ready[0];
  assign written_o       = write_valid == '0 && (&written);
  assign idle_o          = &idle;
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    // The instructions lie in the first channel, at an address of their own.
    logic takes_program;
    assign takes_program = l == 0 && program_valid_i;
    memory_port #(
      .BurstBeats(BurstBeats), .RoomBeats(BufferBeats - rce_pkg::Segments), .AddressW(AddressW)
    ) u_port (
      .clk_i, .rst_ni, .base_i(takes_program ? program_i : base_i[64*l +: 64]),
      .command_valid_i(takes_program || (command_valid_i && ready_o)),
      .command_ready_o(command_ready[l]), .command_stripe_i(takes_program ? 32'd0 : stripe_i),
      .command_stripes_i(takes_program ? program_beats_i : stripes_i),
      .valid_o(valid_o[l]), .beat_o(beat_o[BeatW*l +: BeatW]), .takes_all_i,
      .clear_i(!core_rst_ni), .freed_i,
      .write_valid_i(write_valid[l]), .write_ready_o(write_ready[l]),
      .write_stripe_i(write_stripe), .write_is_upper_i(write_is_upper),
      .write_data_i(tiles[TileW*l +: TileW]), .write_strobe_i(write_strobe),
      .written_o(written[l]), .idle_o(idle[l]), .read_error_o(read_errors_o[l]),
      .write_error_o(write_errors_o[l]), .error_clear_i, .ar_valid_o(m_ar_valid_o[l]),
      .ar_ready_i(m_ar_ready_i[l]), .ar_address_o(m_ar_address_o[64*l +: 64]),
      .ar_length_o(m_ar_length_o[8*l +: 8]), .r_valid_i(m_r_valid_i[l]),
      .r_ready_o(m_r_ready_o[l]), .r_data_i(m_r_data_i[BeatW*l +: BeatW]),
      .r_response_i(m_r_response_i[2*l +: 2]), .r_last_i(m_r_last_i[l]),
      .aw_valid_o(m_aw_valid_o[l]), .aw_ready_i(m_aw_ready_i[l]),
      .aw_address_o(m_aw_address_o[64*l +: 64]), .w_valid_o(m_w_valid_o[l]),
      .w_ready_i(m_w_ready_i[l]), .w_data_o(m_w_data_o[BeatW*l +: BeatW]),
      .w_strobe_o(m_w_strobe_o[BeatW/8*l +: BeatW/8]), .b_valid_i(m_b_valid_i[l]),
      .b_ready_o(m_b_ready_o[l]), .b_response_i(m_b_response_i[2*l +: 2])
    );
  end
endmodule
