// What geometry and pass mean for attention: sizes of what is read of the cache, and of each token
// its slot and what it sees.
//
// A pass reads all slots of a head up to the last one that was ever written: of a full window these
// are hardly more than a token sees, and they are one run of stripes.
//
// start_i, then done_o for a cycle; the rest stays. Attention fits the machine if fits says so;
// else its instructions are illegal.
module cache_shape #(
  parameter int unsigned Lanes       = 4,     // a power of two up to 32
  parameter int unsigned Slots       = 4,
  parameter int unsigned HeadQueries = 4,     // of a KV head, at most
  parameter int unsigned ScoreDepth  = 1024,  // of the RAMs of attention
  parameter int unsigned RowDepth    = 512,
  parameter int unsigned ChunkDepth  = 512,
  parameter int unsigned BufferBeats = 512,   // in front of a lane
  localparam int unsigned TokensW = ctrl_pkg::TokensW,
  localparam int unsigned SlotW   = kv_pkg::SlotW,
  localparam int unsigned WindowW = kv_pkg::WindowW
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic                     start_i,
  input  accllm_pkg::geometry_t    geometry_i,
  input  logic [63:0]              position_i,
  input  logic [TokensW-1:0]       n_tokens_i,
  output logic                     done_o,
  output ctrl_pkg::cache_t         cache_o,
  output logic [SlotW*Slots-1:0]   slots_o,    // [token]
  output logic [WindowW*Slots-1:0] windows_o   // [token]
);
  localparam int unsigned Queries   = Slots / 2;
  localparam int unsigned AddressW  = kv_pkg::AddressW;
  localparam int unsigned HeadsW    = ctrl_pkg::HeadsW;
  localparam int unsigned LaneShift = $clog2(Lanes);
  localparam int unsigned ChunkW    = $clog2(accllm_pkg::ChunkSlots);
  localparam int unsigned SizeW     = 24;  // of products: too large ones do not fit either
  localparam int unsigned PlaceW    = 31;  // of positions, that saturate
  localparam int unsigned HeadsAtOnce = kv_pkg::HeadsAhead + 1;  // whose scores are there
  localparam int unsigned MaxSlots  = 1 << (SlotW - 1);

  if (ctrl_pkg::SlotW != SlotW || ctrl_pkg::AddressW != AddressW) begin : gen_check_widths
    $error("ctrl_pkg's widths of slots and places must be kv_pkg's");
  end

  // What can be seen at once.
  logic             is_plain_q, split;
  logic [SlotW-1:0] sink_slots, ring_slots, end_slot, sinks, window;
  assign split      = geometry_i.head_dim == 32'd64;
  assign sink_slots = geometry_i.sink_slots[SlotW-1:0];
  assign ring_slots = geometry_i.ring_slots[SlotW-1:0];
  assign end_slot   = sink_slots + ring_slots;
  assign sinks      = geometry_i.sinks[SlotW-1:0];
  assign window     = geometry_i.window[SlotW-1:0];
  always_ff @(posedge clk_i) begin
    is_plain_q <= (geometry_i.head_dim == 32'd128 || (split && Lanes <= 16))
                  && geometry_i.sink_slots < 32'(MaxSlots) && geometry_i.ring_slots < 32'(MaxSlots)
                  && geometry_i.sink_slots[ChunkW-1:0] == '0
                  && geometry_i.ring_slots[ChunkW-1:0] == '0 && geometry_i.ring_slots != '0
                  && geometry_i.sinks <= geometry_i.sink_slots
                  && geometry_i.window <= geometry_i.ring_slots;
  end

  typedef enum logic [2:0] {
    StateIdle,
    StateDivide,   // the position by the ring's slots, and query heads by KV heads
    StateSizes,
    StateProducts,
    StateTokens,
    StateDone
  } state_e;
  state_e     state_q;
  logic [5:0] count_q;
  logic [1:0] phase_q;
  logic [TokensW-1:0] token_q;
  logic is_last_phase, is_last_token;
  assign is_last_phase = phase_q == '1;
  assign is_last_token = token_q == TokensW'(Slots - 1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StateIdle;
    end else begin
      unique case (state_q)
        StateIdle:     if (start_i) state_q <= StateDivide;
        StateDivide:   if (count_q == '1) state_q <= StateSizes;
        StateSizes:    if (is_last_phase) state_q <= StateProducts;
        StateProducts: if (is_last_phase) state_q <= StateTokens;
        StateTokens:   if (is_last_phase && is_last_token) state_q <= StateDone;
        default:       state_q <= StateIdle;
      endcase
    end
    count_q <= state_q == StateDivide ? count_q + 1'b1 : '0;
    phase_q <= state_q == StateSizes || state_q == StateProducts || state_q == StateTokens
               ? phase_q + 1'b1 : '0;
    if (state_q != StateTokens) token_q <= '0;
    else if (is_last_phase) token_q <= token_q + 1'b1;
  end
  assign done_o = state_q == StateDone;

  // Remainder of the position, a bit a cycle; query heads of a KV head, up to 16.
  logic [63:0]       left_q;
  logic [SlotW-1:0]  rest_q;
  logic [SlotW:0]    rest;
  logic [HeadsW+3:0] heads_q;
  logic [4:0]        ratio_q;
  logic              has_ratio_q;
  assign rest = {rest_q, left_q[63]};
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      left_q      <= position_i;
      rest_q      <= '0;
      heads_q     <= (HeadsW + 4)'(geometry_i.kv_heads[HeadsW-1:0]);
      ratio_q     <= 5'd1;
      has_ratio_q <= 1'b0;
    end else if (state_q == StateDivide) begin
      left_q <= left_q << 1;
      rest_q <= rest >= {1'b0, ring_slots} ? SlotW'(rest - {1'b0, ring_slots}) : SlotW'(rest);
      if (!has_ratio_q && ratio_q <= 5'd16) begin
        if (32'(heads_q) == geometry_i.heads) begin
          has_ratio_q <= 1'b1;
        end else begin
          ratio_q <= ratio_q + 1'b1;
          heads_q <= heads_q + (HeadsW + 4)'(geometry_i.kv_heads[HeadsW-1:0]);
        end
      end
    end
  end

  // Positions, which count up to where everything is full.
  logic [PlaceW-1:0] first, last;
  assign first = position_i[63:PlaceW-1] != '0 ? {1'b1, {PlaceW-1{1'b0}}}
                                               : {1'b0, position_i[PlaceW-2:0]};
  assign last  = first + PlaceW'(n_tokens_i) - 1'b1;

  // Chunks and rows, of the pass and of the whole cache.
  logic [SlotW-1:0]  last_slot_q, chunks_q, rows_q, all_chunks_q, all_rows_q;
  logic [4:0]        queries_q;
  logic [8:0]        most_queries_q;
  logic [3:0]        folds_q, most_folds_q;
  logic [ctrl_pkg::SetsW-1:0] sets;
  logic [2:0]                 sets_shift;
  assign sets_shift = 3'(5 - LaneShift) - 3'(split);
  assign sets       = ctrl_pkg::SetsW'(1) << sets_shift;
  always_ff @(posedge clk_i) begin
    if (last < PlaceW'(sinks)) last_slot_q <= last[SlotW-1:0];
    else if (last < PlaceW'(ring_slots)) last_slot_q <= sink_slots + last[SlotW-1:0];
    else last_slot_q <= end_slot - 1'b1;
    chunks_q       <= (last_slot_q >> ChunkW) + 1'b1;
    all_chunks_q   <= end_slot >> ChunkW;
    rows_q         <= chunks_q << sets_shift;
    all_rows_q     <= all_chunks_q << sets_shift;
    queries_q      <= 5'(ratio_q * n_tokens_i);
    most_queries_q <= ratio_q * geometry_i.slots[3:0] + (geometry_i.slots[4] ? 9'd256 : 9'd0);
    folds_q        <= 4'((6'(queries_q) + 6'(Queries - 1)) >> $clog2(Queries));
    most_folds_q   <= 4'((6'(most_queries_q[4:0]) + 6'(Queries - 1)) >> $clog2(Queries));
  end

  // Products, and whether RAMs hold what is under way.
  logic [SizeW-1:0] scores_q, blocks_q, factors_q, all_scores_q, all_blocks_q, all_factors_q;
  logic             fits_q;
  always_ff @(posedge clk_i) begin
    scores_q      <= SizeW'(rows_q[AddressW-1:0] * queries_q) << split;
    blocks_q      <= SizeW'(rows_q[AddressW-1:0] * folds_q);
    factors_q     <= SizeW'(chunks_q[AddressW-1:0] * folds_q);
    all_scores_q  <= SizeW'(all_rows_q[AddressW-1:0] * most_queries_q[4:0]) << split;
    all_blocks_q  <= SizeW'(all_rows_q[AddressW-1:0] * most_folds_q);
    all_factors_q <= SizeW'(all_chunks_q[AddressW-1:0] * most_folds_q);
    fits_q <= is_plain_q && has_ratio_q && most_queries_q <= 9'(HeadQueries)
              && all_rows_q <= SlotW'(RowDepth / HeadsAtOnce)
              && all_scores_q <= SizeW'(ScoreDepth / HeadsAtOnce)
              && all_blocks_q <= SizeW'(RowDepth / 2)
              && all_factors_q <= SizeW'(ChunkDepth / HeadsAtOnce)
              && (most_folds_q <= 4'd1 || all_chunks_q <= SlotW'(BufferBeats - 16));
  end

  // Stripes of keys: four rows and a beat of records.
  logic [31:0] key_groups_q, key_stripes_q;
  always_ff @(posedge clk_i) begin
    key_groups_q  <= (32'(all_rows_q) + 32'd3) >> 2;
    key_stripes_q <= (key_groups_q << 2) + key_groups_q;
  end
  assign cache_o = {
    fits_q, split, geometry_i.kv_heads[HeadsW-1:0], ratio_q, queries_q,
    folds_q[ctrl_pkg::FoldsW-1:0], sets, sink_slots, ring_slots, end_slot, all_chunks_q,
    key_stripes_q, 32'(all_chunks_q) << sets_shift, chunks_q[AddressW-1:0],
    rows_q[AddressW-1:0], AddressW'((sink_slots >> ChunkW) << sets_shift),
    scores_q[AddressW-1:0], blocks_q[AddressW-1:0], factors_q[AddressW-1:0]
  };

  // Token by token, in four cycles: how many it sees, and where the first one is.
  logic [PlaceW-1:0] next_q, oldest_q;  // behind the token; what its window begins with
  logic [SlotW-1:0]  ring_q, seen_q, seen_sinks_q, start_q, slot;
  logic [SlotW:0]    start;
  assign start = {1'b0, ring_q} + 1'b1 - {1'b0, seen_q};
  assign slot  = next_q <= PlaceW'(sinks) ? SlotW'(next_q - 1'b1) : sink_slots + ring_q;
  always_ff @(posedge clk_i) begin
    if (state_q != StateTokens) begin
      next_q <= first + 1'b1;
      ring_q <= rest_q;
    end else begin
      unique case (phase_q)
        2'd0: begin
          seen_sinks_q <= next_q < PlaceW'(sinks) ? next_q[SlotW-1:0] : sinks;
          oldest_q     <= window == '0 || next_q < PlaceW'(window) ? '0 : next_q - PlaceW'(window);
        end
        2'd1: begin
          seen_q <= SlotW'(next_q - (oldest_q < PlaceW'(seen_sinks_q) ? PlaceW'(seen_sinks_q)
                                                                        : oldest_q));
        end
        2'd2: start_q <= SlotW'(start) + (start[SlotW] ? ring_slots : '0);
        default: begin
          next_q <= next_q + 1'b1;
          ring_q <= ring_q + 1'b1 == ring_slots ? '0 : ring_q + 1'b1;
        end
      endcase
    end
  end
  for (genvar t = 0; t < Slots; t++) begin : gen_token
    always_ff @(posedge clk_i) begin
      if (state_q == StateTokens && is_last_phase && token_q == TokensW'(t)) begin
        slots_o[SlotW*t +: SlotW]       <= slot;
        windows_o[WindowW*t +: WindowW] <= {seen_sinks_q, sink_slots + start_q, seen_q};
      end
    end
  end

  logic unused;
  assign unused = ^{geometry_i, rows_q, chunks_q, scores_q, blocks_q, factors_q, folds_q};
endmodule
