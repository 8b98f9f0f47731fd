// Stripes of the cache that a step's lanes take, in the order in which they take them.
//
//     store-kv  of values, old beats: of each token and head a stripe of each set
//     attend    keys of heads, two heads ahead; then the values of the first of them, set by set
module cache_stream #(
  parameter int unsigned Slots = 4,
  localparam int unsigned StripesW = ctrl_pkg::StripesW,
  localparam int unsigned TokensW  = ctrl_pkg::TokensW,
  localparam int unsigned HeadsW   = ctrl_pkg::HeadsW,
  localparam int unsigned SlotW    = kv_pkg::SlotW
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   start_i,
  input  logic                   is_attend_i,
  input  logic [31:0]            keys_i,      // first stripes of the layer
  input  logic [31:0]            values_i,
  input  logic [TokensW-1:0]     n_tokens_i,
  input  ctrl_pkg::cache_t       cache_i,
  input  logic [SlotW*Slots-1:0] slots_i,     // [token]
  output logic                   valid_o,
  input  logic                   ready_i,
  output logic [31:0]            stripe_o,
  output logic [StripesW-1:0]    stripes_o,
  output logic                   done_o       // with the last one's ready_i
);
  localparam int unsigned ChunkW = $clog2(accllm_pkg::ChunkSlots);

  typedef enum logic [1:0] {
    StateIdle,
    StateOld,
    StateKeys,
    StateValues
  } state_e;
  state_e state_q;

  logic [31:0]        key_at_q, value_at_q, at_q, next_value_at;
  logic [HeadsW-1:0]  keyed_q, head_q;  // heads whose keys were asked for; whose values were
  logic [TokensW-1:0] token_q, ahead_q;  // and the second behind it
  logic [ctrl_pkg::SetsW-1:0] set_q;
  logic takes, ends_sets, ends_heads, ends_tokens, ends_keys, keys_next;
  assign takes       = valid_o && ready_i;
  assign ends_sets   = set_q == cache_i.sets - 1'b1;
  assign ends_heads  = ends_sets && head_q == cache_i.heads - 1'b1;
  assign ends_tokens = ends_heads && token_q == n_tokens_i - 1'b1;
  assign ends_keys   = keyed_q == cache_i.heads - 1'b1;
  // Behind a head's last values. Before them three heads' keys have been asked for, or all.
  assign keys_next   = keyed_q != cache_i.heads;
  assign next_value_at = value_at_q + cache_i.value_stripes;
  // The chunk of the next token is known before it is needed: choosing it and adding it take long.
  logic [SlotW-ChunkW-1:0] ahead_chunk, next_chunk_q;
  always_comb begin
    ahead_chunk = '0;
    for (int unsigned t = 0; t < Slots; t++) begin
      if (ahead_q == TokensW'(t)) ahead_chunk = slots_i[SlotW*t+ChunkW +: SlotW-ChunkW];
    end
  end
  // Where a token's values begin, or those of all of them.
  logic [SlotW-ChunkW-1:0] chunk;
  logic [31:0]             first;
  always_comb begin
    chunk = next_chunk_q;
    if (state_q == StateIdle) chunk = is_attend_i ? '0 : slots_i[ChunkW +: SlotW-ChunkW];
  end
  assign first     = values_i + 32'(chunk);
  assign done_o    = takes && (state_q == StateOld ? ends_tokens : state_q == StateValues
                               && ends_heads);
  assign valid_o   = state_q != StateIdle;
  assign stripe_o  = state_q == StateKeys ? key_at_q : at_q;
  always_comb begin
    unique case (state_q)
      // Four rows and a beat of records.
      StateKeys:   stripes_o = StripesW'(cache_i.rows) + ((StripesW'(cache_i.rows) + 3) >> 2);
      StateValues: stripes_o = StripesW'(cache_i.chunks);
      default:     stripes_o = StripesW'(1);
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StateIdle;
    end else begin
      unique case (state_q)
        StateIdle: if (start_i) state_q <= is_attend_i ? StateKeys : StateOld;
        StateOld:  if (done_o) state_q <= StateIdle;
        StateKeys: begin
          if (takes && (ends_keys || keyed_q - head_q == HeadsW'(kv_pkg::HeadsAhead))) begin
            state_q <= StateValues;
          end
        end
        default: begin
          if (done_o) state_q <= StateIdle;
          else if (takes && ends_sets && keys_next) state_q <= StateKeys;
        end
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    if (state_q == StateIdle) begin
      key_at_q   <= keys_i;
      value_at_q <= first;
      at_q       <= first;
      ahead_q    <= TokensW'(2);
      next_chunk_q <= slots_i[SlotW+ChunkW +: SlotW-ChunkW];
      keyed_q    <= '0;
      head_q     <= '0;
      token_q    <= '0;
      set_q      <= '0;
    end else if (takes && state_q == StateKeys) begin
      key_at_q <= key_at_q + cache_i.key_stripes;
      keyed_q  <= keyed_q + 1'b1;
    end else if (takes) begin
      set_q <= ends_sets ? '0 : set_q + 1'b1;
      at_q  <= at_q + 32'(cache_i.all_chunks);
      if (ends_sets) begin
        head_q     <= head_q + 1'b1;
        value_at_q <= next_value_at;
        at_q       <= next_value_at;
      end
      if (ends_heads) begin
        head_q     <= '0;
        token_q    <= token_q + 1'b1;
        value_at_q <= first;
        at_q       <= first;
        ahead_q    <= ahead_q + 1'b1;
        next_chunk_q <= ahead_chunk;
      end
    end
  end

  logic unused;
  assign unused = ^{cache_i, slots_i};
endmodule
